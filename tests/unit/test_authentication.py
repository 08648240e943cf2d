"""The conversion of a host's account to a member."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from chat.access import authentication
from chat.access.authentication import member_id


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ({"first_name": "Zoë", "last_name": "Fuchs"}, "Zoë Fuchs"),
        ({"first_name": "  ", "username": "zoe"}, "zoe"),
        ({"first_name": "x" * 60, "username": "zoe"}, "x" * 40),
        ({"first_name": "a\u202eb", "username": "zoe"}, "zoe"),
        ({"username": "\u202e", "pk": 7}, "Member 7"),
    ],
)
def test_an_accounts_name_becomes_a_screen_name(names: dict[str, Any], shown: str) -> None:
    assert authentication.screen_name(User(**names)) == shown


def test_an_account_is_one_member_for_ever() -> None:
    assert member_id(User(pk=7)) == member_id(User(pk=7, username="renamed")) == "fc11a12e-7d36-5b5c-8a16-4e31a2bef758"
    assert member_id(User(pk=7)) != member_id(User(pk=8))

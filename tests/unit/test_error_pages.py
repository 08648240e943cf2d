"""The room that a wrong address probably meant."""

import pytest

from chat.web.error_pages import room_meant


@pytest.mark.parametrize(
    ("path", "room"),
    [
        ("/chatty/team_a", "team-a"),
        ("/chatty/Team A/", "team-a"),
        ("/talk/chatty/Café & Bar!", "cafe-bar"),
        ("/CHATTY/" + "x" * 60, "x" * 50),
        ("/chatty/team-a", ""),  # Right, but nobody may read it.
        ("/chatty/設計", ""),
        ("/chatty/a/b", ""),
        ("/chatty/", ""),
        ("/nowhere", ""),
    ],
)
def test_a_wrong_address_leads_to_the_room_that_it_resembles(path: str, room: str) -> None:
    assert room_meant(path) == room

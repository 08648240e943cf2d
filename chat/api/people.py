"""Who posts: a user of the host, its user name, or a Person."""

import uuid
from dataclasses import replace
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.functional import SimpleLazyObject

from chat.access import authentication, policy
from chat.access.person import Person
from chat.api.errors import Invalid, UnknownUser
from chat.content import validation
from chat.models import Ban
from chat.paths import SLUG
from chat.protocol.errors import NO_SUCH_ROOM, Refusal, RefusalCode
from chat.protocol.fields import MemberId


def person_of(given: Any) -> Person:
    """The person as a member of a room, with a valid id and name. Waits for the database.

    Raises:
        UnknownUser: there is no user with this user name.
        Invalid: it is none of these, or the Person has no valid id or name.
        Refusal: the same, of its name.
    """
    if isinstance(given, Person):
        return _checked(given)
    if isinstance(given, str):
        return authentication.person_for(_named(given))
    if isinstance(given, SimpleLazyObject):  # `request.user`.
        bool(given)
    if isinstance(given, AbstractBaseUser):
        return authentication.person_for(given)
    raise Invalid(RefusalCode.NAME_INVALID, f"Expected a user, a user name or a Person; got {type(given).__name__}.")


def _named(name: str) -> Any:
    users = get_user_model()._default_manager
    try:
        return users.get_by_natural_key(name)  # A user model's manager has it.
    except get_user_model().DoesNotExist:
        raise UnknownUser(RefusalCode.NAME_INVALID, f"There is no user with the user name {name!r}.") from None


def _checked(person: Person) -> Person:
    try:
        member_id = MemberId(str(uuid.UUID(person.id)))
    except ValueError:
        detail = f"Expected a UUID as the Person's id; got {person.id!r}."
        raise Invalid(RefusalCode.NAME_INVALID, detail) from None
    return replace(person, id=member_id, name=validation.clean_name(person.name or ""))


def expect_in(person: Person, slug: str) -> None:
    """Returns if the person may be in this room. Waits for the database.

    CAN_JOIN is asked about the host's users. Others are the host's own programs, which it lets in by posting as them.

    Raises:
        Refusal: `slug_invalid`, `banned` or `no_such_room`.
    """
    expect_slug(slug)
    if Ban.objects.in_force().filter(member_id=person.id).exists():
        raise Refusal(RefusalCode.BANNED, f"{person.name} is banned.")
    policy.can_read(person, slug).expect()
    if person.account is not None:
        policy.host_admits(person, slug).expect()


def expect_slug(slug: str) -> None:
    if not SLUG.fullmatch(slug):
        raise Refusal(RefusalCode.SLUG_INVALID, NO_SUCH_ROOM)

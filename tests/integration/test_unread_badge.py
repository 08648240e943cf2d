"""`{% chatty_unread %}`: the signed-in user's unread messages in a page of the host's."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import connection
from django.template import Context, RequestContext, Template, TemplateSyntaxError
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from chat import api
from chat.access.person import Person
from chat.api.people import person_of
from chat.log import read_marks
from chat.log.read_marks import Place
from chat.models import ReadMark, Room
from chat.protocol.fields import MemberId
from tests.integration.test_can_join import attends
from tests.servers import ROOT

pytestmark = pytest.mark.usefixtures("database", "host")
SHOP = Person(MemberId("00000000-0000-4000-8000-000000000009"), "The shop")


@pytest.fixture
def host(settings: Any) -> None:
    settings.CHATTY = {"AUTHENTICATE": "chat.access.authentication.account"}


@pytest.fixture
def dora() -> User:
    return User.objects.create_user("dora")


def show(user: Any, template: str, language: str = "en", **values: Any) -> str:
    """What a page shows to this user."""
    request = RequestFactory().get("/")
    request.user = user
    with translation.override(language):  # Another test may have left one active.
        return Template("{% load chatty %}" + template).render(RequestContext(request, values))


def numbers(page: str) -> list[str]:
    return re.findall(r">(\d+\+?)</span>", page)


def visit(user: User, *rooms: str) -> None:
    """The user has been in these rooms, and has seen all."""
    me = person_of(user).id
    read_marks.write({Place(me, room.pk): room.head for room in Room.objects.filter(slug__in=rooms)})


def post(room: str, times: int = 1) -> None:
    for number in range(times):
        api.post(room, SHOP, f"message {number}")


def test_a_room_has_a_badge_with_a_text_of_its_own(dora: User) -> None:
    post("order-1", 2)
    assert show(dora, '{% chatty_unread "order-1" %}') == (
        '<span class="chatty-unread" role="img" aria-label="Unread messages: 2">2</span>'
    )
    german = show(dora, "{% chatty_unread room %}", "de", room="order-1")
    assert 'aria-label="Ungelesene Nachrichten: 2"' in german
    visit(dora, "order-1")
    assert show(dora, '{% chatty_unread "order-1" %}') == ""
    api.post("order-1", dora, "my own")
    assert show(dora, '{% chatty_unread "order-1" %}') == ""


def test_without_a_room_it_counts_all_that_the_user_has_visited(dora: User) -> None:
    for room in ("order-1", "order-2", "order-3"):
        post(room)
    visit(dora, "order-1", "order-2")
    assert show(dora, "{% chatty_unread %}") == ""
    for room in ("order-1", "order-2", "order-3"):
        post(room, 2)
    assert numbers(show(dora, "{% chatty_unread %}")) == ["4"]


def test_past_99_it_is_99_and_more(dora: User) -> None:
    post("order-1", 101)
    assert 'aria-label="Unread messages: 99+">99+<' in show(dora, '{% chatty_unread "order-1" %}')


def test_others_get_no_badge(dora: User, settings: Any) -> None:
    post("course-1")
    tag = '{% chatty_unread "course-1" %}'
    assert show(AnonymousUser(), tag) == ""
    assert Template("{% load chatty %}" + tag).render(Context()) == "", "an e-mail has no request"
    settings.CHATTY |= {"CAN_JOIN": f"{attends.__module__}.{attends.__name__}"}
    assert show(dora, tag) == "", "the room isn't there for dora"
    dora.groups.add(Group.objects.create(name="course-1"))
    assert numbers(show(dora, tag)) == ["1"]


def identify(asked: Any) -> Person:
    return SHOP


def test_the_hosts_own_people_are_counted_for(dora: User, settings: Any) -> None:
    settings.CHATTY = {"AUTHENTICATE": f"{__name__}.identify"}
    api.post("order-1", dora, "one")
    post("order-1")
    assert numbers(show(AnonymousUser(), '{% chatty_unread "order-1" %}')) == ["1"]


def test_a_list_of_rooms_is_counted_once(dora: User) -> None:
    """A page with the counts of a view, and one with the same badge twice."""
    rooms = [f"order-{number}" for number in range(20)]
    for room in rooms:
        post(room)
    tags = '{% chatty_unread "order-1" %}{% chatty_unread "order-1" %}'
    listed = (
        "{% for room in rooms %}{% chatty_unread room counts=counts %}{% endfor %}{% chatty_unread counts=counts %}"
    )
    with CaptureQueriesContext(connection) as one:
        assert numbers(show(dora, tags)) == ["1"] * 2
    with CaptureQueriesContext(connection) as many:
        counts = api.unread_counts(dora, rooms)
        assert numbers(show(dora, listed, rooms=rooms, counts=counts)) == [*["1"] * 20, "20"]
    assert len(one) == len(many) == 2


def test_a_deleted_user_leaves_no_mark(dora: User) -> None:
    emil = User.objects.create_user("emil")
    post("order-1")
    for user in (dora, emil):
        visit(user, "order-1")
    User.objects.filter(username="dora").delete()
    assert {str(mark.member_id) for mark in ReadMark.objects.all()} == {person_of(emil).id}


def test_what_is_no_address_is_said(dora: User) -> None:
    with pytest.raises(TemplateSyntaxError, match="expected a room's address"):
        show(dora, '{% chatty_unread "Our room" %}')


def test_the_docs_templates_show_it(dora: User) -> None:
    text = (ROOT / "docs" / "embedding.md").read_text()
    (badges,) = [block for block in re.findall(r"```html\n(.*?)```", text, re.DOTALL) if "chatty_unread" in block]
    (listed,) = re.findall(r"`(\{% chatty_unread room counts=counts %\})`", text)
    post("support", 3)
    counts = api.unread_counts(dora, ["support"])
    page = show(dora, badges + listed, room="support", counts=counts)
    assert numbers(page) == ["3", "3"]
    (tag,) = re.findall(r"It is `(<span.*?</span>)`", text)
    assert page.count(tag) == 2

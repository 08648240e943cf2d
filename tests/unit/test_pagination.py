"""The valid fields of `history`, and its page in the room's state when it is sent."""

import json
import uuid
from typing import Any

import pytest
from msgspec import UNSET

from chat.log import pagination
from chat.log.entries import Entry
from chat.log.pagination import Filter, PageEntries
from chat.protocol import codec, events
from chat.protocol.commands import History
from chat.protocol.errors import Refusal
from chat.protocol.events import Member
from chat.protocol.fields import MemberId

ANN, BOB = uuid.UUID(int=1), uuid.UUID(int=2)
LINK = '<p><a href="https://e.org">e.org</a></p>'


def message(
    seq: int, version: int = 0, author: uuid.UUID = ANN, calls: uuid.UUID | None = None, html: str = ""
) -> Entry:
    event = events.Message(
        seq,
        version or seq,
        uuid.UUID(int=seq),
        Member(MemberId(str(author)), "Somebody"),
        "body",
        html,
        0,
        mentions=[MemberId(str(calls))] if calls else UNSET,
    )
    return Entry(seq, version or seq, codec.encode(event))


def page(asked: History, read: PageEntries, *changes: Entry, size: int = 10**6) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(codec.encode(pagination.page(asked, read, changes, size)))
    answer["seqs held"] = [one["seq"] for one in answer["messages"]]
    return answer


@pytest.mark.parametrize(
    "asked",
    [
        History(limit=1),
        History(before=1),
        History(limit=1, before=1, around=1),
        History(limit=1, around=1, at=1),
        History(at=1),
        History(limit=1, before=1, seqs=[1]),
        History(seqs=[1], links=True),
        History(seqs=[1], author=ANN),
        History(limit=1, before=1, author=ANN, authors=[BOB]),
    ],
)
def test_what_cannot_be_meant_is_refused(asked: History) -> None:
    with pytest.raises(Refusal) as refused:
        pagination.check(asked)
    assert refused.value.code == "bad_frame"


@pytest.mark.parametrize(
    "asked",
    [History(limit=1, before=1, authors=[ANN, BOB], mentions=ANN, links=True), History(seqs=[1]), History(1, after=0)],
)
def test_what_can_be_meant_is_not(asked: History) -> None:
    pagination.check(asked)


def test_a_filter_takes_what_fits_all_of_it() -> None:
    wanted = Filter((ANN, BOB), mentions=BOB, links=True)
    assert wanted.takes(message(1, author=ANN, calls=BOB, html=LINK))
    assert not wanted.takes(message(1, author=uuid.UUID(int=3), calls=BOB, html=LINK))
    assert not wanted.takes(message(1, author=ANN, calls=ANN, html=LINK))
    assert not wanted.takes(message(1, author=ANN, html=LINK))
    assert not wanted.takes(message(1, author=ANN, calls=BOB, html="<p>e.org</p>"))
    assert (History(authors=[ANN, BOB]).is_combined, History(author=ANN, links=True).is_combined) == (False, True)


def test_an_answer_repeats_what_was_asked() -> None:
    nothing = PageEntries([], [], False, False)
    asked = History(limit=5, around=3, authors=[ANN, BOB], mentions=ANN, links=True)
    told = {"around": 3, "authors": [str(ANN), str(BOB)], "mentions": str(ANN), "links": True, "newer": False}
    assert page(asked, nothing).items() >= told.items()
    assert page(History(seqs=[4, 9]), nothing).keys() == {"type", "messages", "more", "seqs", "seqs held"}


def test_a_page_is_as_the_room_stands_after_what_was_told() -> None:
    """Read, and on its way: 4 loses its link, 6 gets one, 7 another one, 9 is edited and the log knew it already."""
    read = PageEntries([message(seq, 29 if seq == 9 else 0, html=LINK) for seq in (4, 7, 9)], [], True, False)
    changes = [
        message(9, 21),
        message(4, 22),
        message(6, 23, html=LINK),
        message(7, 24, html=LINK),
        message(8, 25),
        message(2, 26, html=LINK),  # Below the page: there is more all the same.
    ]
    answer = page(History(limit=4, before=20, links=True), read, *changes)
    assert [(one["seq"], one["version"]) for one in answer["messages"]] == [(6, 23), (7, 24), (9, 29)]
    assert answer["more"]


def test_what_comes_into_a_page_that_is_full_moves_its_far_end() -> None:
    born = message(9, html=LINK)
    read = PageEntries([message(3, html=LINK), message(5, html=LINK)], [], False, False)
    answer = page(History(limit=2, before=20, links=True), read, born)
    assert (answer["seqs held"], answer["more"]) == ([5, 9], True)
    upwards = PageEntries([], [message(3, html=LINK), message(9, html=LINK)], False, True)
    answer = page(History(limit=2, after=1, links=True), upwards, message(5, 30, html=LINK), message(40, html=LINK))
    assert (answer["seqs held"], answer["more"], answer["newer"]) == ([3, 5], False, True)
    answer = page(History(limit=2, after=3, links=True), PageEntries([], [], False, False), message(2, 30, html=LINK))
    assert (answer["seqs held"], answer["more"], answer["newer"]) == ([], True, False)


def test_named_messages_that_do_not_fit_are_left_out_from_the_oldest_on() -> None:
    read = PageEntries([message(seq) for seq in (1, 2, 3)], [], False, False)
    answer = page(History(seqs=[3, 1, 2]), read, message(2, 9), size=2 * len(message(1).encoded))
    assert ([(one["seq"], one["version"]) for one in answer["messages"]], answer["more"]) == ([(2, 9), (3, 3)], True)
    assert not page(History(seqs=[3, 1, 2]), read)["more"]

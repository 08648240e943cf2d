import random

from hypothesis import given
from hypothesis import strategies as st

from chat.protocol import WELCOME_MESSAGES
from chat.ring import Entry, Ring


def entry(seq: int, version: int | None = None) -> Entry:
    version = version or seq
    return Entry(seq, version, f"{seq}@{version}".encode())


def ring_of(*entries: Entry, capacity: int = 1000, floor: int = 0) -> Ring:
    return Ring(capacity, floor, (), entries)


def test_what_changed_after_a_version_comes_once_in_the_order_of_changes() -> None:
    ring = ring_of(entry(1), entry(2), entry(3), entry(1, 4))
    assert ring.since(0) == [b"2@2", b"3@3", b"1@4"]
    assert ring.since(2) == [b"3@3", b"1@4"]
    assert ring.since(4) == []


def test_the_newest_page_is_in_the_order_of_places() -> None:
    ring = ring_of(entry(1), entry(2), entry(1, 3))
    assert ring.newest_page() == [b"1@3", b"2@2"]
    assert ring.oldest_seq == 1


def test_a_message_whose_birth_was_missed_is_in_its_place_on_the_page() -> None:
    ring = ring_of(entry(1), entry(3), entry(2, 4))
    assert ring.newest_page() == [b"1@1", b"2@4", b"3@3"]


def test_a_full_ring_forgets_its_oldest_changes_and_says_so() -> None:
    ring = ring_of(*map(entry, range(1, 6)), capacity=3)
    assert ring.floor == 2
    assert ring.since(1) is None
    assert ring.since(2) == [b"3@3", b"4@4", b"5@5"]


def test_the_newest_page_outlives_a_thousand_changes_of_old_messages() -> None:
    ring = ring_of(*map(entry, range(1, 101)), capacity=10)
    for version in range(101, 140):
        ring.add(entry(1, version))
        ring.add(entry(100, version))
    page = ring.newest_page()
    assert len(page) == WELCOME_MESSAGES
    assert page[0] == b"51@51"
    assert page[-1] == b"100@139"


def test_deepening_fills_in_what_lies_below_and_keeps_what_is_newer() -> None:
    ring = Ring(1000, 3, (), [entry(4), entry(2, 5)])
    ring.deepen(0, 4, [entry(1), entry(2), entry(3), entry(4)])
    assert ring.floor == 0
    assert ring.since(0) == [b"1@1", b"3@3", b"4@4", b"2@5"]


def test_deepening_never_leaves_a_hole() -> None:
    ring = Ring(1000, 7, (), [entry(8)])
    ring.deepen(0, 5, map(entry, range(1, 6)))
    assert ring.floor == 7
    assert ring.since(0) is None


@given(st.integers(1, 30), st.lists(st.integers(0, 10), max_size=60), st.randoms(use_true_random=False))
def test_any_history_is_told_as_the_log_would_tell_it(capacity: int, edits: list[int], chance: random.Random) -> None:
    log: dict[int, Entry] = {}
    ring = ring_of(capacity=capacity)
    for version, choice in enumerate(edits, start=1):
        seq = chance.choice(list(log)) if choice < 5 and log else version
        log[seq] = entry(seq, version)
        ring.add(log[seq])
        in_order = sorted(log.values(), key=lambda e: e.version)
        for since in range(version + 1):
            told = ring.since(since)
            assert told is None or told == [e.encoded for e in in_order if e.version > since]
        assert ring.since(max(0, version - capacity)) is not None
        assert ring.newest_page() == [log[seq].encoded for seq in sorted(log)[-WELCOME_MESSAGES:]]

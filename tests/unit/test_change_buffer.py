import random
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from chat.log.entries import Entry
from chat.protocol.constants import WELCOME_MESSAGES
from chat.rooms.change_buffer import ChangeBuffer, ChangeBuffers, ReorderBuffer


def entry(seq: int, version: int | None = None) -> Entry:
    version = version or seq
    return Entry(seq, version, f"{seq}@{version}".encode())


def buffer_of(*entries: Entry, capacity: int = 1000, floor: int = 0, size_limit: int = 10**9) -> ChangeBuffer:
    return ChangeBuffer(capacity, size_limit, floor, (), entries)


def test_what_changed_after_a_version_comes_once_in_the_order_of_changes() -> None:
    buffer = buffer_of(entry(1), entry(2), entry(3), entry(1, 4))
    assert buffer.since(0) == [b"2@2", b"3@3", b"1@4"]
    assert buffer.since(2) == [b"3@3", b"1@4"]
    assert buffer.since(4) == []


def test_the_newest_page_is_in_the_order_of_places() -> None:
    buffer = buffer_of(entry(1), entry(2), entry(1, 3))
    assert buffer.newest_page() == [b"1@3", b"2@2"]
    assert buffer.oldest_seq == 1


def test_a_message_whose_birth_was_missed_is_in_its_place_on_the_page() -> None:
    buffer = buffer_of(entry(1), entry(3), entry(2, 4))
    assert buffer.newest_page() == [b"1@1", b"2@4", b"3@3"]


def test_a_full_buffer_forgets_its_oldest_changes_and_says_so() -> None:
    buffer = buffer_of(*map(entry, range(1, 6)), capacity=3)
    assert buffer.floor == 2
    assert buffer.since(1) is None
    assert buffer.since(2) == [b"3@3", b"4@4", b"5@5"]


def test_the_newest_page_outlives_a_thousand_changes_of_old_messages() -> None:
    buffer = buffer_of(*map(entry, range(1, 101)), capacity=10)
    for version in range(101, 140):
        buffer.add(entry(1, version))
        buffer.add(entry(100, version))
    page = buffer.newest_page()
    assert len(page) == WELCOME_MESSAGES
    assert page[0] == b"51@51"
    assert page[-1] == b"100@139"


def test_deepening_fills_in_what_lies_below_and_keeps_what_is_newer() -> None:
    buffer = ChangeBuffer(1000, 10**9, 3, (), [entry(4), entry(2, 5)])
    buffer.deepen(0, 4, [entry(1), entry(2), entry(3), entry(4)])
    assert buffer.floor == 0
    assert buffer.since(0) == [b"1@1", b"3@3", b"4@4", b"2@5"]


def test_deepening_never_leaves_a_hole() -> None:
    buffer = ChangeBuffer(1000, 10**9, 7, (), [entry(8)])
    buffer.deepen(0, 5, map(entry, range(1, 6)))
    assert buffer.floor == 7
    assert buffer.since(0) is None


def big_entry(seq: int, version: int, size: int) -> Entry:
    return Entry(seq, version, f"{seq}@{version}".encode().ljust(size, b" "))


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(10, 120)), max_size=60), st.randoms(use_true_random=False))
def test_no_history_takes_more_bytes_than_are_allowed_and_none_is_told_wrong(
    edits: list[tuple[int, int]], chance: random.Random
) -> None:
    limit = 300
    log: dict[int, Entry] = {}
    buffer = buffer_of(size_limit=limit)
    for version, (choice, size) in enumerate(edits, start=1):
        seq = chance.choice(list(log)) if choice < 5 and log else version
        log[seq] = big_entry(seq, version, size)
        buffer.add(log[seq])
        if choice == 7:
            buffer.forget()
            assert buffer.size == 0
        in_order = sorted(log.values(), key=lambda e: e.version)
        if choice == 9:  # As read from the log.
            buffer.deepen(0, version, in_order)
        changes, page = buffer.entries_since(buffer.floor), buffer.newest_page()
        assert changes is not None
        assert sum(len(entry.encoded) for entry in changes) <= limit
        assert sum(map(len, page)) <= limit
        assert page == [log[seq].encoded for seq in sorted(log)[len(log) - len(page) :]]
        assert page or not buffer.has_page
        for since in range(version + 1):
            told, real = buffer.since(since), [e.encoded for e in in_order if e.version > since]
            assert told is None or told == real
            if since < buffer.bottom:
                assert sum(map(len, real)) > limit, "the log needn't be read for it"
            elif choice == 9:
                assert told == real


def test_a_message_bigger_than_all_that_may_be_held_is_on_the_page_all_the_same() -> None:
    buffer = buffer_of(big_entry(1, 1, 50), big_entry(2, 2, 500), size_limit=300)
    assert (len(buffer), buffer.floor, len(buffer.newest_page())) == (0, 2, 1)


def test_what_a_buffer_says_it_holds_is_what_it_takes() -> None:
    tracemalloc.start()
    buffer = buffer_of(*(big_entry(10**6 + n, 10**9 + n, 700) for n in range(1000)))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < buffer.size < 1.5 * taken


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 400)), max_size=80))
def test_all_buffers_together_hold_no_more_than_they_may(added: list[tuple[int, int]]) -> None:
    buffers = ChangeBuffers(4_000)
    each = [ChangeBuffer(1000, 2_000, 0, (), (), buffers) for _ in range(6)]
    for version, (which, size) in enumerate(added, start=1):
        each[which].add(big_entry(version, version, size))
        assert buffers.size == sum(buffer.size for buffer in each)
        assert buffers.size <= 4_000 + each[which].size
        assert each[which].newest_page() or not each[which].has_page
    for buffer in each:
        buffer.close()
    assert (buffers.size, len(buffers)) == (0, 0)


def test_the_largest_room_makes_way_for_the_others() -> None:
    buffers = ChangeBuffers(100_000)
    large, small, growing = (ChangeBuffer(1000, 90_000, 0, (), (), buffers) for _ in range(3))
    small.add(big_entry(1, 1, 100))
    for version in range(1, 120):
        large.add(big_entry(version, version, 200))
    growing.add(big_entry(1, 1, 500))
    assert growing.has_page
    assert small.has_page
    for version in range(2, 40):
        growing.add(big_entry(version, version, 400))
    assert (large.has_page, small.has_page, growing.has_page) == (False, True, True)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 100)), max_size=60))
def test_what_comes_before_its_turn_is_bounded(came: list[tuple[int, int]]) -> None:
    ahead = ReorderBuffer(10, 500)
    for version, size in came:
        ahead.put(big_entry(version, version, size)._replace(delta=b"x" * size if size % 2 else None))
        held = ahead._entries.values()
        assert ahead.size == sum(len(entry.encoded) + len(entry.delta or b"") for entry in held) <= 500
        assert len(ahead) <= 10
    ahead.drop_until(30)
    assert (len(ahead), ahead.size) == (0, 0)


@given(st.integers(1, 30), st.lists(st.integers(0, 10), max_size=60), st.randoms(use_true_random=False))
def test_any_history_is_told_as_the_log_would_tell_it(capacity: int, edits: list[int], chance: random.Random) -> None:
    log: dict[int, Entry] = {}
    buffer = buffer_of(capacity=capacity)
    for version, choice in enumerate(edits, start=1):
        seq = chance.choice(list(log)) if choice < 5 and log else version
        log[seq] = entry(seq, version)
        buffer.add(log[seq])
        in_order = sorted(log.values(), key=lambda e: e.version)
        for since in range(version + 1):
            told = buffer.since(since)
            assert told is None or told == [e.encoded for e in in_order if e.version > since]
        assert buffer.since(max(0, version - capacity)) is not None
        assert buffer.newest_page() == [log[seq].encoded for seq in sorted(log)[-WELCOME_MESSAGES:]]


def test_expired_messages_are_neither_on_the_page_nor_among_the_changes() -> None:
    buffers = ChangeBuffers(10**9)
    buffer = ChangeBuffer(1000, 10**9, 0, map(entry, (1, 2, 3)), map(entry, (1, 2, 3)), buffers)
    buffer.newest_page()
    buffer.expire(2)
    assert buffer.newest_page() == [b"3@3"]
    assert (buffer.oldest_seq, buffer.since(0)) == (3, [b"3@3"])
    assert buffers.size == buffer.size == buffer_of(entry(3)).size
    buffer.expire(3)
    assert (buffer.newest_page(), buffer.oldest_seq, buffer.size) == ([], 0, 0)
    buffer.add(entry(4))
    assert (buffer.newest_page(), buffer.since(3)) == ([b"4@4"], [b"4@4"])

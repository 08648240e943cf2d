"""What the garbage collector looks at while members come and go."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from chatty_project import garbage as module
from chatty_project.garbage import STEP, Garbage


class Cycle:
    """Refers to itself: only the collector frees it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def garbage() -> Iterator[Garbage]:
    threshold = gc.get_threshold()
    garbage = Garbage()
    garbage.start()
    yield garbage
    gc.unfreeze()
    gc.set_threshold(*threshold)


def looked_at(thing: object) -> bool:
    """Whether a full collection looks at this object."""
    return any(other is thing for other in gc.get_objects())


def test_what_a_worker_starts_with_is_not_looked_at_again(garbage: Garbage) -> None:
    assert not looked_at(module.__dict__)
    assert looked_at(Cycle())


def test_objects_of_connections_are_looked_at_until_so_many_more_have_come(garbage: Garbage) -> None:
    cycle = Cycle()
    for _ in range(STEP - 1):
        garbage.note_opened()
    assert looked_at(cycle)
    garbage.note_opened()
    assert not looked_at(cycle)


def test_garbage_of_connections_that_have_ended_is_freed(garbage: Garbage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_CLOSED", STEP)
    for _ in range(STEP):
        garbage.note_opened()
    cycle = Cycle()
    gone = weakref.ref(cycle)
    for _ in range(STEP):
        garbage.note_opened()
    del cycle
    gc.collect()
    assert gone() is not None  # It was frozen.
    for _ in range(STEP - 1):
        garbage.note_closed()
    assert gone() is not None
    garbage.note_closed()
    assert gone() is None


def test_garbage_is_freed_before_it_could_be_frozen(garbage: Garbage) -> None:
    gone = weakref.ref(Cycle())
    for _ in range(STEP):
        garbage.note_opened()
    assert gone() is None

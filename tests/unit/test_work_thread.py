"""A thread that does one thing after the other."""

import asyncio
import gc
import threading
import weakref
from functools import partial

import pytest

from chat.log.work_thread import WorkThread


async def test_work_is_done_in_order_on_one_thread() -> None:
    thread, done = WorkThread("worker"), list[int]()

    def note(number: int) -> int:
        done.append(number)
        return threading.get_ident()

    futures = [thread.run(partial(note, number)) for number in range(100)]
    idents = set(await asyncio.gather(*futures))
    assert done == list(range(100))
    assert len(idents) == 1
    assert idents != {threading.get_ident()}
    await thread.close()


async def test_an_error_is_the_callers_and_the_thread_goes_on() -> None:
    thread = WorkThread("worker")
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 // 0)
    assert await thread.run(lambda: "well") == "well"
    await thread.close()


async def test_who_does_not_wait_any_more_is_passed_over() -> None:
    thread, may_go_on = WorkThread("worker"), threading.Event()
    cancelled = thread.run(may_go_on.wait)
    cancelled.cancel()
    may_go_on.set()
    assert await thread.run(lambda: 1) == 1
    await thread.close()


async def test_a_closed_thread_ends_and_an_idle_one_holds_no_job() -> None:
    class Work:
        def __call__(self) -> threading.Thread:
            return threading.current_thread()

    thread, work = WorkThread("worker"), Work()
    running, seen = await thread.run(work), weakref.ref(work)
    del work
    await thread.run(lambda: None)
    gc.collect()
    assert seen() is None
    await thread.close()
    running.join(timeout=60)
    assert not running.is_alive()


async def test_a_thread_that_was_not_needed_ends_at_once() -> None:
    await WorkThread("worker").close()

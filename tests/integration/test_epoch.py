"""The epochs that a database keeps, and its comparison with epochs that others remember."""

import uuid
from collections.abc import AsyncIterator

import pytest

from chat.log import epoch, epoch_proof, room_rows
from chat.log.epoch_proof import Epoch
from chat.log.reader import Log, RoomRow


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    log = Log(10**6)
    yield log
    await log.close()


def marked(one: Epoch, number: int) -> Epoch:
    """An epoch of the same database that it never had."""
    return Epoch(one.lineage, number, uuid.uuid4())


async def test_each_epoch_is_kept_with_a_mark_of_its_own(log: Log) -> None:
    first = await log.run(epoch.read)
    assert await log.run(epoch.read) == first
    second = await log.run(epoch.advance)
    assert (second.lineage, second.number) == (first.lineage, first.number + 1)
    assert second.mark != first.mark
    assert await log.run(epoch.read) == second
    assert await log.run(epoch.find_lost, [first, second]) is None


async def test_an_epoch_is_lost_if_the_database_should_have_it(log: Log) -> None:
    first = await log.run(epoch.read)
    second = await log.run(epoch.advance)
    newer, other_copy = marked(first, 5), marked(first, second.number)
    assert await log.run(epoch.find_lost, [second, newer]) == newer
    assert await log.run(epoch.find_lost, [other_copy, second]) == other_copy
    assert await log.run(epoch.find_lost, [Epoch(uuid.uuid4(), 5, uuid.uuid4())]) is None  # Of another database.


async def test_old_epochs_are_forgotten(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epoch, "KEPT", 3)
    epochs = [await log.run(epoch.read), *[await log.run(epoch.advance) for _ in range(5)]]
    assert await log.run(epoch.find_lost, epochs) is None
    assert await log.run(epoch.find_lost, [marked(epochs[0], epochs[2].number)]) is None
    assert await log.run(epoch.find_lost, [marked(epochs[0], epochs[3].number)]) is not None


async def test_a_lost_history_is_left_behind_once(log: Log) -> None:
    first = await log.run(epoch.read)
    room = await log.run(room_rows.written, RoomRow(0, "lobby", uuid.uuid4()))
    lost = [marked(first, number) for number in (1, 7, 100)]
    await log.run(epoch.leave_behind, lost[1])
    renewed = (await log.rows(["lobby"]))["lobby"]
    assert renewed.log != room.log
    assert await log.run(epoch.find_lost, lost) is None
    await log.run(epoch.leave_behind, lost[1])
    assert (await log.rows(["lobby"]))["lobby"] == renewed


async def test_only_what_a_server_signed_is_a_proof(log: Log) -> None:
    found = await log.run(epoch.read)
    text = epoch_proof.sign(found)
    assert epoch_proof.verify(text) == found
    for made_up in ("", text[:-1], text.replace(found.mark.hex, uuid.uuid4().hex), "a.b.c:d"):
        assert epoch_proof.verify(made_up) is None

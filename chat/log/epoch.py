"""The database's epoch: a growing number that reveals a database that was restored from an older copy.

Each process advances it when it starts, and one process once a minute while they write. Each epoch has a random mark,
and the database keeps the marks of the last weeks. Processes remember the newest epoch that they saw, Redis the newest
few, and clients a signed one. A database that lacks a remembered epoch has lost the later writes. Then all rooms get
new logs, so that no member mistakes new messages for the history that it knows. If nobody remembers a lost epoch, use
`manage.py renew_logs`.

All functions here wait for the database.
"""

import uuid
from collections.abc import Collection

from chat.log import room_rows
from chat.log.epoch_proof import Epoch
from chat.models import DatabaseEpoch

ADVANCE_SECONDS = 60  # A row a minute. The epoch can't reveal a copy that is younger than this.
KEPT = 20_000  # Two weeks of minutes with writes: 2 MB.
LEAP = 1_000_000  # Minutes. No copy is that old.


def read() -> Epoch:
    """The current epoch. Starts one in a new database."""
    return _newest() or _add(Epoch(uuid.uuid4(), 1, uuid.uuid4()))


def advance() -> Epoch:
    """Advances the epoch, unless another process does so at the same time. Returns the new one."""
    return _start(read().number + 1)


def find_lost(known: Collection[Epoch]) -> Epoch | None:
    """The newest of these epochs that this database had and lost. None if it lost none.

    Epochs are ignored if they are older than those that the database keeps, or than the last renewal of all logs.
    """
    marks = dict(DatabaseEpoch.objects.filter(number__in=[one.number for one in known]).values_list("number", "mark"))
    oldest = DatabaseEpoch.objects.order_by("number").first()
    if oldest is None:
        return None
    lost = [
        one
        for one in known
        if one.lineage == oldest.lineage and one.number >= oldest.number and marks.get(one.number) != one.mark
    ]
    return max(lost, key=lambda one: one.number, default=None)


def leave_behind(lost: Epoch) -> None:
    """Gives all rooms new logs, unless another process has done so."""
    if find_lost([lost]) is not None:
        renew_all_logs(above=lost.number)


def renew_all_logs(above: int = 0) -> int:
    """Gives all rooms new logs, and the database an epoch far above `above`. Returns the number of rooms.

    After that, remembered epochs of a lost history are ignored.
    """
    count = room_rows.renew_all_logs()
    _start(max(above, read().number) + LEAP)
    return count


def _newest() -> Epoch | None:
    newest = DatabaseEpoch.objects.order_by("-number").first()
    return None if newest is None else Epoch(newest.lineage, newest.number, newest.mark)


def _start(number: int) -> Epoch:
    """Starts the epoch with this number. Returns it, or a higher one that exists already."""
    newest = _add(Epoch(read().lineage, number, uuid.uuid4()))
    DatabaseEpoch.objects.filter(number__lte=newest.number - KEPT).delete()
    return newest


def _add(epoch: Epoch) -> Epoch:
    """Adds a row, unless another process does so first. Returns the newest epoch."""
    DatabaseEpoch.objects.bulk_create([DatabaseEpoch(**epoch._asdict())], ignore_conflicts=True)
    newest = _newest()
    assert newest is not None
    return newest

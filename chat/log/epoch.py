"""The database's epoch: a number that only grows, by which a database that was restored from an older copy shows.

A process moves it on when it starts, and one of them once a minute while they write. Each epoch has a random mark, and
the database keeps those of the last weeks. Processes remember the newest epoch that they saw, Redis the newest few,
and clients the one that they were told, signed. A database that hasn't kept such an epoch has lost what was written
since: all of its rooms then get new logs, so that no member takes what follows for the history that it knows. What
can't be noticed so (nobody remembers it) is for `manage.py renew_logs`.

Everything here waits for the database.
"""

import uuid
from collections.abc import Collection

from chat.log import room_rows
from chat.log.epoch_proof import Epoch
from chat.models import DatabaseEpoch

ADVANCE_SECONDS = 60  # A row a minute. What a copy is younger than isn't noticed by the epoch.
KEPT = 20_000  # Two weeks of minutes in which something is written: 2 MB.
LEAP = 1_000_000  # More minutes than any copy is old.


def read() -> Epoch:
    """The epoch; in a new database it begins here."""
    return _newest() or _add(Epoch(uuid.uuid4(), 1, uuid.uuid4()))


def advance() -> Epoch:
    """Move the epoch on, where another process doesn't at the same time. Returns the new one."""
    return _start(read().number + 1)


def find_lost(known: Collection[Epoch]) -> Epoch | None:
    """The newest of these epochs that was this database's, and isn't any more.

    Older ones than the database keeps aren't compared, and none from before all rooms got new logs.
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
    """Give all rooms new logs; nothing where another process did."""
    if find_lost([lost]) is not None:
        renew_all_logs(above=lost.number)


def renew_all_logs(above: int = 0) -> int:
    """Give all rooms new logs, and the database an epoch far above `above`: what is older is left behind.

    So the epochs that others remember of a lost history mean nothing more. Returns how many rooms there are.
    """
    count = room_rows.renew_all_logs()
    _start(max(above, read().number) + LEAP)
    return count


def _newest() -> Epoch | None:
    newest = DatabaseEpoch.objects.order_by("-number").first()
    return None if newest is None else Epoch(newest.lineage, newest.number, newest.mark)


def _start(number: int) -> Epoch:
    """The epoch of this number, made now if there is none, or a higher one."""
    newest = _add(Epoch(read().lineage, number, uuid.uuid4()))
    DatabaseEpoch.objects.filter(number__lte=newest.number - KEPT).delete()
    return newest


def _add(epoch: Epoch) -> Epoch:
    """Add a row, unless another process does so first. Returns the newest one."""
    DatabaseEpoch.objects.bulk_create([DatabaseEpoch(**epoch._asdict())], ignore_conflicts=True)
    newest = _newest()
    assert newest is not None
    return newest

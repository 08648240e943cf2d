"""The signed form of the database's epoch (epoch.py) for clients. Signed, because a lost epoch renews all logs."""

import asyncio
import uuid
from typing import NamedTuple

from django.core import signing
from msgspec import UNSET, UnsetType

from chat.protocol.constants import PULSE_SECONDS

_SALT = "chatty.epoch"  # Separates these signatures from every other use of SECRET_KEY.


class Epoch(NamedTuple):
    """A database's age.

    `lineage` distinguishes databases that aren't copies of each other, `mark` copies that reached the same number.
    """

    lineage: uuid.UUID
    number: int
    mark: uuid.UUID


def sign(epoch: Epoch) -> str:
    """The signed epoch, about 115 ASCII characters: `<lineage>.<number>.<mark>:<signature>`."""
    return signing.Signer(salt=_SALT).sign(f"{epoch.lineage.hex}.{epoch.number}.{epoch.mark.hex}")


def verify(text: str) -> Epoch | None:
    """The epoch in a client's text. None if it wasn't signed with this SECRET_KEY."""
    try:
        lineage, number, mark = signing.Signer(salt=_SALT).unsign(text).split(".")
        return Epoch(uuid.UUID(lineage), int(number), uuid.UUID(mark))
    except (signing.BadSignature, ValueError):
        return None


class Proof:
    """The signed epoch for this process's members: in each welcome, and in two pulses after a change."""

    def __init__(self) -> None:
        self._epoch: Epoch | None = None
        self._text: str | UnsetType = UNSET
        self._changed_at = float("-inf")  # By the loop's clock.

    @property
    def text(self) -> str | UnsetType:
        return self._text

    @property
    def update(self) -> str | UnsetType:
        """The text for pulses, while some members may not have it. UNSET otherwise."""
        is_new = asyncio.get_running_loop().time() - self._changed_at < 2 * PULSE_SECONDS
        return self._text if is_new else UNSET

    def renew(self, epoch: Epoch) -> None:
        if epoch != self._epoch:
            self._epoch, self._text = epoch, sign(epoch)
            self._changed_at = asyncio.get_running_loop().time()

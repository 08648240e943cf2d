"""Many members in one or more rooms: fills them, posts at a rate, and says what was delivered, how late, what not."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from chat.access.tokens import new_member_id

from .dialects import Dialect, body
from .member import BaseMember, Member, Sample

SAMPLED = 40  # Members whose every delivery is timed, drawn at random.
JOINING = 32  # Joins under way at a time.
TICK_SECONDS = 0.002  # Between two looks at what is due: at 1,500 messages/s, three at a time.
SETTLE_SECONDS = 1.0  # Without a delivery: nothing more is on its way.


@dataclass(frozen=True)
class Latencies:
    """Milliseconds from posting to delivery, over the sampled members. `count`: deliveries looked at."""

    count: int
    p50: float
    p99: float
    max: float

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> "Latencies | None":
        if not samples:
            return None
        late = sorted((sample.came_at - sample.posted_at) / 1e6 for sample in samples)
        last = len(late) - 1
        return cls(len(late), round(late[last // 2], 2), round(late[round(last * 0.99)], 2), round(late[-1], 2))


class Crowd:
    """The members of one system. The draw of who is sampled and who posts is the same in every run."""

    def __init__(self, dialect: Dialect, base: str, kind: type[BaseMember] = Member) -> None:
        self.members: list[BaseMember] = []
        self._kind = kind
        self.posted: Counter[str] = Counter()  # By room.
        self._dialect = dialect
        self.base = base
        self._chance = random.Random(1)
        self._baseline: dict[BaseMember, int] = {}

    async def fill(self, rooms: Sequence[str], count: int, quiet: bool = False, joining: int = JOINING) -> None:
        """`count` new members, spread evenly over the rooms, each of them welcome.

        Raises:
            OSError, TimeoutError, picows.WSError: somebody wasn't.
        """
        places = asyncio.Semaphore(joining)

        async def join(member: BaseMember) -> None:
            async with places:
                await member.join(self.base, quiet)

        start = len(self.members)
        newcomers = [
            self._kind(self._dialect, rooms[number % len(rooms)], f"member {number}", new_member_id())
            for number in range(start, start + count)
        ]
        async with asyncio.TaskGroup() as group:
            for member in newcomers:
                group.create_task(join(member))
        self.members += newcomers

    @property
    def delivered(self) -> int:
        return sum(member.delivered for member in self.members)

    @property
    def disconnected(self) -> int:
        return sum(member.gone.is_set() for member in self.members)

    @property
    def refused(self) -> int:
        return sum(member.refused for member in self.members)

    def begin(self, sampled: int = SAMPLED) -> None:
        """From now on what is posted is compared with what is delivered, and deliveries are timed."""
        self.posted.clear()
        self._baseline = {member: member.delivered for member in self.members}
        for member in self._chance.sample(self.members, min(sampled, len(self.members))):
            member.samples = []

    async def post(self, rate: float, seconds: float) -> None:
        """Posts `rate` messages a second, by members in turn, whatever the system makes of them (an open loop)."""
        authors = self._chance.sample(self.members, len(self.members))
        started, said = time.monotonic(), 0
        while (elapsed := time.monotonic() - started) < seconds:
            for _ in range(int(elapsed * rate) + 1 - said):
                self.say(authors[said % len(authors)])
                said += 1
            await asyncio.sleep(TICK_SECONDS)

    def say(self, author: BaseMember) -> None:
        if not author.gone.is_set():
            self.posted[author.room] += 1
            author.post(body())

    @property
    def missing(self) -> int:
        """Deliveries that are still owed since `begin`, to members who are still here."""
        return sum(
            max(0, self.posted[member.room] - (member.delivered - self._baseline[member]))
            for member in self.members
            if not member.gone.is_set()
        )

    async def settle(self, seconds: float) -> bool:
        """Waits until all is delivered or nothing comes any more; False where it was still coming after `seconds`."""
        deadline = time.monotonic() + seconds
        last, last_at = self.delivered, time.monotonic()
        while self.missing and time.monotonic() - last_at < SETTLE_SECONDS:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.05)
            if self.delivered != last:
                last, last_at = self.delivered, time.monotonic()
        return True

    def latencies(self, since: int, until: int) -> Latencies | None:
        """Of what was posted between two moments (ns of the monotonic clock)."""
        return Latencies.of([sample for sample in self._samples() if since <= sample.posted_at < until])

    def _samples(self) -> list[Sample]:
        return [sample for member in self.members for sample in member.samples or ()]

    async def leave(self) -> None:
        """Cuts all connections."""
        for member in self.members:
            member.leave()
        async with asyncio.timeout(10):
            for member in self.members:
                await member.gone.wait()

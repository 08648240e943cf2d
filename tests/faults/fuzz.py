"""Sends hostile input by a seed: strangers send arbitrary bytes while members talk, who must not notice.

python -m tests.faults.fuzz --seed 1 --frames 100000
python -m tests.faults.fuzz --transport http --seed 1 --frames 20000
"""

import argparse
import asyncio
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chatty_project.http import REQUEST_SECONDS
from tests.faults.attacks import Attacks, Tally, Wrong
from tests.faults.http_strangers import HttpStrangers
from tests.faults.members import Books, Member, keep, set_up_django, until
from tests.faults.strangers import PATH, Strangers
from tests.faults.wire import Wire, handshake
from tests.servers import ChattyServer, DevelopmentServer

TRANSPORTS: dict[str, Callable[[ChattyServer, str], Attacks]] = {"socket": Strangers, "http": HttpStrangers}
ROOM = "harbour"
MEMBERS = 6
POSTS_PER_SECOND = 30
AT_A_TIME = 16  # Attacks.
DRIPPING = 100  # Connections that send a byte of a handshake now and then.
WARM_UP = 3  # A third of all frames, until every cache and pool is as large as it gets.

# What must hold.
ACK_SECONDS = 8.0  # From a member's post until it is acknowledged, and until everybody has it: it doesn't give up.
GROWTH_KIB = 24 * 1024  # What the server may hold more at the end than after the warm-up,
PEAK_KIB = 64 * 1024  # and at any time between.
KNOWN_WARNINGS = (  # A line for a stranger's request that was none is all that the log may say.
    ("uvicorn.error", "Invalid HTTP request received."),
    ("uvicorn.error", "Unsupported upgrade request."),
    ("django.security.DisallowedHost", "Invalid HTTP_HOST header"),
    ("django.security.csrf", "Forbidden"),
    ("chat.web.origin", "A socket was refused to a page of"),
)
OF_WHICH = r"(?: \[[A-Za-z0-9._-]{1,64}\])?"  # The connection or request that a line belongs to.
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00"
CALM_LINE = re.compile(rf"{TIME} (debug|info) ")
WARNINGS = "|".join(f"{re.escape(logger)}{OF_WHICH}: {re.escape(words)}" for logger, words in KNOWN_WARNINGS)
WARNING = re.compile(f"{TIME} warning (?:{WARNINGS})")


@dataclass
class Report:
    """What was sent, what came of it, and what must not have."""

    seed: int
    server: str
    tally: Tally
    seconds: float = 0.0
    drip_seconds: float = 0.0  # Of these, how long handshakes came a byte now and then.
    rss_before_kib: int = 0
    rss_peak_kib: int = 0
    rss_after_kib: int = 0
    messages: int = 0
    cut_off: int = 0  # Of the handshakes that came a byte now and then.
    books: Books = field(default_factory=Books)

    @property
    def violations(self) -> list[str]:
        return self.books.violations

    def __str__(self) -> str:
        tally = self.tally
        return "\n".join(
            (
                f"fuzz of {self.server}, seed {self.seed}: {tally.frames:,} frames and {tally.requests:,} requests "
                f"in {self.seconds:.0f} s",
                f"attacks: {_counted(tally.attacks)}",
                f"closed with: {_counted(tally.closes)}",
                f"refused: {_counted(tally.refusals)}",
                f"HTTP answers: {_counted(tally.statuses)}",
                f"slow handshakes cut off: {self.cut_off:,}",
                f"resident memory: {self.rss_before_kib / 1024:.1f} MiB after the warm-up, "
                f"{self.rss_peak_kib / 1024:.1f} at most, {self.rss_after_kib / 1024:.1f} at the end",
                f"{MEMBERS} members posted {self.messages:,} messages, "
                f"the longest acknowledgement took {self.books.longest_ack_seconds:.2f} s",
                f"violations {len(self.violations)}",
                *(f"  {count}x {violation}" for violation, count in Counter(self.violations).most_common(50)),
            )
        )


def _counted(counter: "Counter[Any]") -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counter.most_common())


class Fuzz:
    """One server, which `run` needs started. It sends `frames` frames, or goes on for `seconds`, if that is shorter."""

    def __init__(self, server: ChattyServer, seed: int, frames: int, seconds: float, transport: str = "socket") -> None:
        self._server = server
        self._seed = seed
        self._frames = frames
        self._seconds = seconds
        self._number = 0
        self._strangers = TRANSPORTS[transport](server, ROOM)
        self.report = Report(
            seed, "Daphne" if isinstance(server, DevelopmentServer) else "uvicorn", self._strangers.tally
        )

    async def run(self) -> Report:
        report, chance = self.report, random.Random(self._seed)
        members = [Member(f"member {n}", ROOM, [self._server], report.books, chance) for n in range(MEMBERS)]
        staying = [asyncio.create_task(member.stay()) for member in members]
        await until(lambda: all(member.is_welcome.is_set() for member in members), 60)
        quiet_sockets = self._server.client_socket_count

        started = time.monotonic()
        talking = asyncio.create_task(self._talk(members))
        await self._attack(self._frames // WARM_UP, self._seconds / WARM_UP)
        await self._lull(members, quiet_sockets)
        before = await asyncio.to_thread(self._counts)
        report.rss_before_kib = report.rss_peak_kib = before["rss_kib"]
        dripping_since = time.monotonic()
        besides = [asyncio.create_task(self._watch_memory()), asyncio.create_task(self._drip())]
        await self._attack(self._frames, started + self._seconds - time.monotonic())
        for task in besides:
            task.cancel()
        await asyncio.gather(*besides, return_exceptions=True)
        report.seconds = time.monotonic() - started
        report.drip_seconds = time.monotonic() - dripping_since

        await self._lull(members, quiet_sockets)
        after = await asyncio.to_thread(self._counts)
        report.rss_after_kib = after["rss_kib"]
        talking.cancel()
        await self._check(members, before, after)
        for member in members:
            await member.leave()
        await asyncio.gather(*staying)
        return report

    async def _talk(self, members: list[Member]) -> None:
        while True:
            for member in members:
                self.report.messages += 1
                keep(asyncio.create_task(member.post()))
                await asyncio.sleep(1 / POSTS_PER_SECOND)

    async def _attack(self, frames: int, seconds: float) -> None:
        """Attacks, several at a time, until so many frames were sent in all. Each has its own chance, by its number."""
        ends_at = time.monotonic() + seconds

        async def attack() -> None:
            while self._strangers.tally.frames < frames and time.monotonic() < ends_at and self._server.is_running:
                self._number += 1
                number = self._number
                try:
                    await self._strangers.attack(random.Random(f"{self._seed}/{number}"))
                except (Wrong, OSError) as error:
                    self.report.violations.append(f"attack {number}: {error!r}")

        await asyncio.gather(*(attack() for _ in range(AT_A_TIME)))

    async def _drip(self) -> None:
        """Handshakes, a byte now and then: slowloris. Who is cut off begins anew."""
        await asyncio.gather(*(self._drip_one() for _ in range(DRIPPING)))

    async def _drip_one(self) -> None:
        whole = handshake(PATH + ROOM, "X-Patience: " + "x" * 1_000)
        while True:
            async with await Wire.connect(self._server.port) as wire:
                for byte in whole:
                    await wire.send(bytes([byte]))
                    await asyncio.sleep(0.2)
                    if wire.was_cut_off:
                        self.report.cut_off += 1
                        break

    async def _watch_memory(self) -> None:
        while True:
            self.report.rss_peak_kib = max(self.report.rss_peak_kib, self._server.rss_kib)
            await asyncio.sleep(0.1)

    def _counts(self) -> dict[str, int]:
        """What the server holds; Daphne has no lifespan, and so tells of its memory only."""
        return {"rss_kib": self._server.rss_kib} if self.report.server == "Daphne" else self._server.counts()

    async def _lull(self, members: list[Member], quiet_sockets: int) -> None:
        """Returns when no stranger is left."""
        try:
            await until(lambda: self._server.client_socket_count <= quiet_sockets, 60)
            await until(lambda: all(member.online == MEMBERS for member in members), 60)
        except (TimeoutError, OSError):
            sockets = self._server.client_socket_count if self._server.is_running else 0
            online = {member.online for member in members}
            self.report.violations.append(f"{sockets} sockets where {quiet_sockets} were, {online} members online")

    # --- afterwards ---

    async def _check(self, members: list[Member], before: dict[str, int], after: dict[str, int]) -> None:
        """Writes down what is wrong."""
        violations, report = self.report.violations, self.report
        if not self._server.is_running:
            violations.append("the server has ended")
        try:
            await until(lambda: self._agree(members), ACK_SECONDS)
        except TimeoutError:
            heads = {member.name: (member.head, len(member.messages), len(member.unacknowledged)) for member in members}
            violations.append(f"the members don't agree: head, messages, unacknowledged are {heads}")
        for name, found, bound in (
            ("connects of members", report.books.connects, MEMBERS),
            ("syncs of members", report.books.syncs, 0),
            ("refusals of members", sum(report.books.refusals.values()), 0),
            ("seconds to acknowledge", report.books.longest_ack_seconds, ACK_SECONDS),
            ("KiB after the end", after["rss_kib"] - before["rss_kib"], GROWTH_KIB),
            ("KiB at the peak", report.rss_peak_kib - before["rss_kib"], PEAK_KIB),
            ("tasks", after.get("tasks", 0), before.get("tasks", 0) + AT_A_TIME),  # Posts may be under way.
            ("connections", after.get("connections", 0), MEMBERS),
        ):
            if found > bound:
                violations.append(f"{name}: {found}, expected {bound} at most")
        if report.server == "uvicorn" and report.drip_seconds > 2 * REQUEST_SECONDS and not report.cut_off:
            violations.append("no handshake was cut off, however slow")
        violations.extend(wrong_lines(self._server.log))

    def _agree(self, members: list[Member]) -> bool:
        first = members[0]
        return all(m.messages == first.messages and not m.unacknowledged for m in members)


def wrong_lines(log: str) -> Iterator[str]:
    """What a server's log must not say, whatever strangers send: of each call stack, only how it ends."""
    lines = log.splitlines()
    start = next((number for number, line in enumerate(lines) if "is running" in line), -1)  # Django's own greeting.
    for line in lines[start + 1 :]:
        is_within_stack = not line or line[0] in " \t" or line.startswith(("Traceback", "During handling"))
        if not is_within_stack and not CALM_LINE.match(line) and not WARNING.match(line):
            yield f"log: {line}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transport", choices=TRANSPORTS, default="socket", help="what strangers attack")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=600, help="at most")
    parser.add_argument("--log", type=Path, help="a file for the server's log")
    parser.add_argument("--daphne", action="store_true", help="fuzz the development server instead")
    chosen = parser.parse_args()
    set_up_django()
    with DevelopmentServer() if chosen.daphne else ChattyServer() as server:
        report = asyncio.run(Fuzz(server, chosen.seed, chosen.frames, chosen.seconds, chosen.transport).run())
        if chosen.log:
            chosen.log.write_text(server.log)
    sys.stdout.write(f"{report}\n")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())

"""Runs a storm: many members talk while servers, Redis, PostgreSQL and sockets fail, by a seed. Then all must agree.

They post, edit, delete, react and take other names. With `--mixed` they do so on sockets, by streams and by polls in
each room, and what each holds in the end is still exactly what the log says: convergence, whatever carries it.

python -m tests.faults.storm --seed 1 --seconds 60
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests import servers
from tests.client import Client
from tests.faults.http_members import HttpMember, PollingMember
from tests.faults.members import Books, Event, Member, keep, set_up_django, until
from tests.http_client import Requester
from tests.servers import ChattyServer, PostgresServer, RedisServer

ROOMS = ("harbour", "island", "ocean")
HEAL_SECONDS = 30
MIXED: tuple[type[Member], ...] = (Member, HttpMember, PollingMember)
CHANGES_PER_POST = 0.3
RENAMES_PER_POST = 0.05
COLUMNS = (
    *("seq", "version", "nonce", "author_id", "author_name", "body", "html", "at"),
    *("edited_at", "deleted_at", "reactions", "mentions", "reply_to"),
)


@dataclass
class Report:
    """What happened, in numbers."""

    seed: int
    seconds: float
    members: int
    messages: int = 0
    acknowledged: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    heal_seconds: float = 0.0
    books: Books = field(default_factory=Books)

    def __str__(self) -> str:
        books = self.books
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        return "\n".join(
            (
                f"storm of {self.seconds:.0f} s, seed {self.seed}: {self.members} members in {len(ROOMS)} rooms",
                f"messages {self.messages}, acknowledged {self.acknowledged}, nonces repeated {books.repeats}, "
                f"edits, deletions and reactions {books.changes}, other names {books.renames}",
                f"faults {sum(self.faults.values())}: {faults}",
                f"connects {books.connects}, resets {books.resets}, syncs {books.syncs}, refused {books.refusals}",
                f"closed with {books.closes}",
                f"longest from post to acknowledgement {books.longest_ack_seconds:.1f} s, "
                f"longest without a connection {books.longest_absence_seconds:.1f} s",
                f"all agreed {self.heal_seconds:.1f} s after the storm",
                f"violations {len(books.violations)}",
            )
        )


class Storm:
    """Three workers, one Redis, one PostgreSQL, all real; `run` needs them started."""

    def __init__(
        self,
        seed: int,
        seconds: float,
        members: int = 150,
        posts_per_second: float = 150,
        kinds: Sequence[type[Member]] = (Member,),
    ) -> None:
        """`kinds` of members take turns: on sockets, or over HTTP."""
        self.report = Report(seed, seconds, members)
        self._chance = random.Random(seed)
        self._order = random.Random(f"{seed} faults")  # Only of the faults: whatever is said meanwhile, it is the same.
        self._kinds = kinds
        self._interval = members / posts_per_second
        self.redis: RedisServer = servers.redis_server()
        self.postgres: PostgresServer = servers.postgres_server()
        self.workers: list[ChattyServer] = []
        self.members: list[Member] = []

    async def run(self) -> Report:
        with self.redis, self.postgres:
            self.database_url = self.postgres.create_migrated_database()
            settings = {"REDIS_URL": self.redis.url, "DATABASE_URL": self.database_url}
            self.workers = [servers.chatty_server(**settings) for _ in range(3)]
            with servers.all_of(*self.workers):
                return await self._run()

    async def _run(self) -> Report:
        report = self.report
        for number in range(report.members):
            chance = random.Random(self._chance.random())
            room = ROOMS[number % len(ROOMS)]
            kind = self._kinds[number // len(ROOMS) % len(self._kinds)]
            self.members.append(kind(f"member {number}", room, self.workers, report.books, chance))
        staying = [asyncio.create_task(member.stay()) for member in self.members]
        await until(lambda: all(member.is_welcome.is_set() for member in self.members), HEAL_SECONDS)

        talking = asyncio.create_task(self._talk())
        await self._rage()
        talking.cancel()
        for member in self.members:
            member.reads.set()

        try:
            report.heal_seconds = await self._heal()
        except TimeoutError:
            report.books.violations.append(f"not all agreed {HEAL_SECONDS} s after the storm")
            report.heal_seconds = float(HEAL_SECONDS)
        await self._check()
        for member in self.members:
            await member.leave()
        await asyncio.gather(*staying)
        await self._check_leftovers()
        for worker in self.workers:
            report.books.violations += [line for line in worker.log.splitlines() if "Exception in ASGI" in line]
        return report

    async def _talk(self) -> None:
        """Everybody says something once every interval, in turn, whatever becomes of the last thing said."""
        started, said = time.monotonic(), 0
        while True:
            for member in self.members:
                said += 1
                keep(asyncio.create_task(member.post()))
                if self._chance.random() < CHANGES_PER_POST:
                    keep(asyncio.create_task(member.change()))
                if self._chance.random() < RENAMES_PER_POST:
                    keep(asyncio.create_task(member.rename()))
                await asyncio.sleep(max(0.0, started + said * self._interval / len(self.members) - time.monotonic()))

    # --- faults ---

    async def _rage(self) -> None:
        ends_at = time.monotonic() + self.report.seconds
        slow: list[Callable[[], Awaitable[None]]] = [self.redis_away, self.worker_stopped, self.postgres_restarted]
        quick: list[Callable[[], Awaitable[None]]] = [self.worker_killed, self.sockets_cut, self.readers_stopped]
        quick += [self.redis_emptied]
        under_way: set[asyncio.Task[None]] = set()
        self._order.shuffle(slow)
        turn = 0
        while time.monotonic() < ends_at:
            turn += 1
            fault = slow.pop() if turn % 3 == 2 and slow else self._order.choice(quick)
            name = fault.__name__.replace("_", " ")
            self.report.faults[name] = self.report.faults.get(name, 0) + 1
            under_way.add(task := asyncio.create_task(self._cause(fault)))
            task.add_done_callback(under_way.discard)
            await asyncio.sleep(self._order.uniform(1.5, 4))
        await asyncio.gather(*under_way)

    async def _cause(self, fault: Callable[[], Awaitable[None]]) -> None:
        try:
            await fault()
        except Exception as error:
            self.report.books.violations.append(f"{fault.__name__} failed: {error!r}")

    def _worker(self) -> ChattyServer | None:
        running = [worker for worker in self.workers if worker.is_running and not getattr(worker, "is_held", False)]
        return self._chance.choice(running) if len(running) > 1 else None

    async def worker_killed(self) -> None:
        if (worker := self._worker()) is not None:
            await asyncio.to_thread(worker.kill)
            await asyncio.sleep(self._chance.uniform(0, 1))
            await asyncio.to_thread(worker.start)

    async def worker_stopped(self) -> None:
        if (worker := self._worker()) is not None:
            worker.is_held = True  # type: ignore[attr-defined]
            worker.pause()
            await asyncio.sleep(min(20, self.report.seconds / 2))
            worker.resume()
            worker.is_held = False  # type: ignore[attr-defined]

    async def redis_emptied(self) -> None:
        if self.redis.is_running:
            await asyncio.to_thread(self.redis.restart)

    async def redis_away(self) -> None:
        if self.redis.is_running:
            await asyncio.to_thread(self.redis.stop)
            await asyncio.sleep(min(10, self.report.seconds / 3))
            await asyncio.to_thread(self.redis.start)

    async def postgres_restarted(self) -> None:
        await asyncio.to_thread(self.postgres.restart)

    async def sockets_cut(self) -> None:
        for member in self._chance.sample(self.members, len(self.members) // 10):
            member.cut()

    async def readers_stopped(self) -> None:
        stopped = self._chance.sample(self.members, len(self.members) // 20)
        for member in stopped:
            member.reads.clear()
        await asyncio.sleep(self._chance.uniform(1, 6))
        for member in stopped:
            member.reads.set()

    # --- afterwards ---

    def _logs(self) -> dict[str, tuple[int, dict[int, Event]]]:
        """By room: its head, and its messages by seq as the database has them."""
        with self.postgres.connect(self.database_url.rpartition("/")[2]) as connection:
            found: dict[str, tuple[int, dict[int, Event]]] = {
                str(slug): (int(str(head)), {}) for slug, head in connection.execute("SELECT slug, head FROM chat_room")
            }
            query = f"SELECT slug, {', '.join(COLUMNS)} FROM chat_message m JOIN chat_room r ON r.id = m.room_id"
            for slug, *row in connection.execute(query):
                message = _as_told(dict(zip(COLUMNS, row, strict=True)))
                found[str(slug)][1][message["seq"]] = message
        return {room: found[room] for room in ROOMS}

    async def _heal(self) -> float:
        """The seconds until every member has everything and nothing waits."""
        started = time.monotonic()
        async with asyncio.timeout(HEAL_SECONDS):
            while True:
                await until(lambda: all(m.is_welcome.is_set() for m in self.members), HEAL_SECONDS)
                logs = await asyncio.to_thread(self._logs)
                for member in self.members:
                    if member.head == logs[member.room][0]:
                        await member.read_back()
                if all(self._agrees(member, *logs[member.room]) for member in self.members):
                    return time.monotonic() - started
                await asyncio.sleep(0.2)

    def _roster(self, room: str) -> dict[str, str]:
        """Who must be in a room, and under which name."""
        return {one.id: one.name for one in self.members if one.room == room}

    def _agrees(self, member: Member, head: int, messages: dict[int, Event]) -> bool:
        everybody = self._roster(member.room)
        return (
            member.head == head
            and member.messages == messages
            and not member.unacknowledged
            and not member.changing
            and member.roster == everybody
            and member.online == len(everybody)
        )

    async def _check_leftovers(self) -> None:
        """When everybody has left, a worker that went through the storm holds no more than a new one."""
        idle = (await asyncio.to_thread(self._new_worker_counts))["tasks"]
        for worker in self.workers:
            counts: dict[str, int] = {}
            for _ in range(50):
                counts = await asyncio.to_thread(worker.counts)
                if not (counts["rooms"] or counts["members"] or counts["connections"]) and counts["tasks"] <= idle:
                    break
                await asyncio.sleep(0.2)
            else:
                self.report.books.violations.append(f"a worker holds {counts} after all have left; a new one {idle}")

    def _new_worker_counts(self) -> dict[str, int]:
        """Of a worker that somebody has joined once on a socket and asked over HTTP, and left."""
        with servers.chatty_server(REDIS_URL=self.redis.url, DATABASE_URL=self.database_url) as worker:
            asyncio.run(_visit(worker))
            servers.wait_until(lambda: worker.counts()["rooms"] == 0, 60, "the room dropped")
            return worker.counts()

    async def _check(self) -> None:
        """Writes down what is wrong, member by member."""
        logs, violations = await asyncio.to_thread(self._logs), self.report.books.violations
        self.report.messages = sum(len(messages) for _, messages in logs.values())
        for room, (head, messages) in logs.items():
            if max(message["version"] for message in messages.values()) != head:
                violations.append(f"{room}: the head is {head}, but its last change isn't there")
            nonces = [message["nonce"] for message in messages.values()]
            if len(set(nonces)) != len(nonces):
                violations.append(f"{room}: a nonce is there twice")
        for member in self.members:
            _, messages = logs[member.room]
            everybody = self._roster(member.room)
            self.report.acknowledged += len(member.acknowledged)
            for nonce, seq in member.acknowledged.items():
                if seq not in messages or messages[seq]["nonce"] != nonce:
                    violations.append(f"{member.name}: acknowledged {nonce} is not at {seq}")
            for seq in member.deleted:
                if "deleted" not in messages[seq]:
                    violations.append(f"{member.name}: {seq} was deleted and is there again")
            if member.messages != messages:
                wrong = sorted(seq for seq, message in messages.items() if member.messages.get(seq) != message)
                violations.append(f"{member.name}: has {len(wrong)} messages wrong or not at all: {wrong[:5]}")
            if member.changing:
                violations.append(f"{member.name}: {len(member.changing)} changes were never acknowledged")
            if member.unacknowledged:
                violations.append(f"{member.name}: {len(member.unacknowledged)} posts were never acknowledged")
            if member.roster != everybody:
                more, less = member.roster.keys() - everybody.keys(), everybody.keys() - member.roster.keys()
                violations.append(f"{member.name}: the roster has {len(more)} ghosts and lacks {len(less)}")
                wrong_names = {name for one, name in member.roster.items() if everybody.get(one, name) != name}
                violations.append(f"{member.name}: the roster has these former names: {sorted(wrong_names)[:5]}")


def _as_told(row: dict[str, Any]) -> Event:
    """A row of the database as the `message` event that docs/protocol.md describes."""
    message = {"type": "message"} | {name: row[name] for name in ("seq", "version", "body", "html")}
    message["nonce"] = str(row["nonce"])
    message["author"] = {"id": str(row["author_id"]), "name": row["author_name"]}
    message["at"] = _milliseconds(row["at"])
    if row["edited_at"] is not None:
        message["edited_at"] = _milliseconds(row["edited_at"])
    if row["deleted_at"] is not None:
        message["deleted"] = True
    for name in ("reactions", "mentions", "reply_to"):
        if row[name]:
            message[name] = row[name]
    return message


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


async def _visit(worker: ChattyServer) -> None:
    async with Client(worker.http_url, "Visitor", "elsewhere") as visitor:
        await visitor.post("hello")
        async with Requester(worker.http_url, "elsewhere") as requester:
            await requester.command([])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--members", type=int, default=150)
    parser.add_argument("--posts-per-second", type=float, default=150)
    parser.add_argument("--mixed", action="store_true", help="a third each on sockets, by streams and by polls")
    chosen = parser.parse_args()
    set_up_django()
    kinds = MIXED if chosen.mixed else (Member,)
    storm = Storm(chosen.seed, chosen.seconds, chosen.members, chosen.posts_per_second, kinds)
    report = asyncio.run(storm.run())
    sys.stdout.write(f"{report}\n")
    for violation in report.books.violations[:20]:
        sys.stdout.write(f"  {violation}\n")
    return 1 if report.books.violations else 0


if __name__ == "__main__":
    sys.exit(main())

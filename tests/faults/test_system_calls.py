"""What a message costs in system calls, as strace counts them."""

import asyncio
import re
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.client import Client
from tests.servers import ChattyServer

pytestmark = pytest.mark.alone  # On a busy machine, messages take longer, and periodic work counts more.
MESSAGES = 100
BATCHES = 3  # The one with the fewest calls counts: other work goes on beside it.
_LINE = re.compile(r"^ *[0-9.]+ +[0-9.]+ +[0-9]+ +([0-9]+) +(?:[0-9]+ +)?([a-z0-9_]+)$", re.MULTILINE)


@asynccontextmanager
async def counted(pid: int, summary: Path) -> AsyncIterator[Counter[str]]:
    """The system calls of this process and its threads by name, once the context has ended."""
    calls: Counter[str] = Counter()
    strace = await asyncio.create_subprocess_exec(
        *("strace", "-c", "-f", "-p", str(pid), "-o", str(summary)), stdin=DEVNULL, stderr=PIPE
    )
    assert strace.stderr is not None
    said = (await strace.stderr.readline()).decode()
    if "attached" not in said:
        await strace.wait()
        pytest.skip(f"strace may not count here: {said}")
    try:
        yield calls
    finally:
        strace.send_signal(signal.SIGINT)
        await strace.communicate()
    calls.update(_read(summary))


def _read(summary: Path) -> dict[str, int]:
    return {name: int(count) for count, name in _LINE.findall(summary.read_text())}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace counts")
async def test_a_message_takes_few_system_calls(tmp_path: Path) -> None:
    with ChattyServer() as server:
        async with Client(server.http_url, "Ann", "calls") as ann:
            await ann.post("The threads have started.")
            batches = []
            for batch in range(BATCHES):
                async with counted(server.pid, tmp_path / f"summary-{batch}") as calls:
                    for number in range(MESSAGES):
                        await ann.post(f"message {number}")
                assert calls["write"] >= MESSAGES  # Each was counted.
                batches.append(calls)
    calls = min(batches, key=lambda calls: calls["total"])
    per_message = {name: count / MESSAGES for name, count in calls.items()}
    # Two for each page of SQLite's log, and its locks. The server reads the frame and the committer's wake-up, and
    # writes both. asyncio asks for the process's id each time that it looks for the running loop.
    assert per_message["pwrite64"] < 17
    assert per_message["fcntl"] < 6.5
    assert per_message["getpid"] < 5.5
    # Where reading pauses until the application has the frame.
    assert calls["io_uring_enter"] + calls["epoll_ctl"] < MESSAGES / 2
    # How often threads wait for each other differs between runs, and other work goes on: 36 are measured.
    assert per_message["total"] < 48

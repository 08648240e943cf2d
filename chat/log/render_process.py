"""A process that renders bodies for a worker, on another core and without the worker's interpreter lock.

It has no state between bodies, so it may be killed at any time. It ends with its worker in any case, because their
pipe closes.
"""

import os
import signal
import subprocess  # nosec B404  # It runs Python with this module.
import sys
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from time import process_time

import msgspec

from chat.content.markdown import Rendered, render
from chat.content.mentions import People
from chat.protocol.fields import MemberId

NICENESS = 5  # Lower priority than the worker on a shared core.
PATIENCE_SECONDS = 10  # For one body: the worst takes 0.2 s of a core.
_ROOT = Path(__file__).parents[2]  # Where `-m` finds the application.


class RenderingFailed(Exception):
    """A body couldn't be rendered. The message has the reason, but no part of the body."""


class Job(msgspec.Struct, array_like=True):
    """A request to the process."""

    body: str
    people: dict[str, tuple[MemberId, ...]]


class Done(msgspec.Struct, array_like=True):
    """The process's answer. `seconds`: CPU time. Without `rendered` it failed; `error` is the exception's type."""

    seconds: float
    rendered: Rendered | None = None
    error: str = ""


_encode = msgspec.msgpack.encode
_job = msgspec.msgpack.Decoder(Job)
_done = msgspec.msgpack.Decoder(Done)


class RenderProcess:
    """The worker's side. The process starts with the first body (0.5 s) and takes 30 MB.

    `render` blocks. Call it from one thread only. `kill` may be called from any thread.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._is_killed = False

    def render(self, body: str, people: People) -> tuple[Rendered, float]:
        """The rendered body and its CPU time in seconds.

        Raises:
            RenderingFailed: it took too long, the process was killed twice or can't be started, or there is a bug.
        """
        job = _encode(Job(body, dict(people)))
        try:
            answer = self._ask(job)
        except (EOFError, OSError):  # The process was killed. Try a new one.
            self._end()
            try:
                answer = self._ask(job)
            except (EOFError, OSError) as error:
                self._end()
                raise RenderingFailed(f"the process that renders has ended: {error!r}") from error
        done = _done.decode(answer)
        if done.rendered is None:
            raise RenderingFailed(f"{done.error} while a body was rendered")
        return done.rendered, done.seconds

    def kill(self) -> None:
        """Kills the process, also during `render`. It isn't started again."""
        self._is_killed = True
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """The same, and waits for its end. Call it in the thread that calls `render`."""
        self._is_killed = True
        self._end()

    def _ask(self, job: bytes) -> bytes:
        pipe = self._pipe or self._start()
        pipe.send_bytes(job)
        if not pipe.poll(PATIENCE_SECONDS):
            self._end()
            raise RenderingFailed(f"a body took longer than {PATIENCE_SECONDS} s to render")
        return pipe.recv_bytes()

    def _start(self) -> Connection:
        if self._is_killed:
            raise RenderingFailed("the server is stopping")
        self._pipe, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # nosec B603
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                cwd=_ROOT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        if self._is_killed:  # Meanwhile.
            self._process.kill()
        return self._pipe

    def _end(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def answer(job: bytes, work: Callable[[str, People], Rendered] = render) -> bytes:
    """The process's answer to a job."""
    began_at = process_time()
    rendered, error = None, ""
    try:
        asked = _job.decode(job)
        rendered = work(asked.body, asked.people)
    except Exception as exception:  # A bug. Its text may quote the body, so only its type is sent.
        error = type(exception).__name__
    return _encode(Done(process_time() - began_at, rendered, error))


def serve(pipe: Connection) -> None:
    """Answers one job after the other until the other side closes the pipe."""
    while True:
        try:
            job = pipe.recv_bytes()
            pipe.send_bytes(answer(job))
        except (EOFError, OSError):
            return


if __name__ == "__main__":
    # A stop of the server may signal all processes. This one must outlive its worker, which still has work for it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    serve(Connection(int(sys.argv[1])))

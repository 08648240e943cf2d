"""A server as a process: started, stopped, killed, paused and looked into."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.forked import ForkedProcess
from tests.servers.machine import ServerError, free_port

START_SECONDS = 200  # To start, on a machine that is busy with other tests.
STOP_SECONDS = 15  # bin/serve gives its connections 8 s.


def _socket_inode(link: Path) -> str | None:
    """The inode of the socket that a link of /proc/<pid>/fd stands for; nothing for another file."""
    try:
        target = str(link.readlink())
    except OSError:  # Closed since the folder was read.
        return None
    return target.removeprefix("socket:[").removesuffix("]") if target.startswith("socket:[") else None


class Server:
    """A process with a folder of its own; subclasses say how it is started and when it is ready."""

    name = "server"
    stop_signal = signal.SIGTERM
    kill_signal = signal.SIGKILL

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"chatty-{self.name}-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | ForkedProcess | None = None
        self._log_path = self.folder / "log"

    def command(self) -> list[str]:
        raise NotImplementedError

    def is_ready(self) -> bool:
        raise NotImplementedError

    def popen(self) -> "subprocess.Popen[bytes] | ForkedProcess":
        """Starts its process."""
        command = self.command()
        with self._log_path.open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.popen_options())

    def popen_options(self) -> dict[str, Any]:
        return {"cwd": self.folder}

    @property
    def pid(self) -> int:
        assert self.process, f"{self.name} has not been started"
        return self.process.pid

    @property
    def rss_kib(self) -> int:
        """Its resident memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024

    @property
    def socket_count(self) -> int:
        """The TCP sockets that it has open. Its pipes to its own processes are Unix sockets, which aren't counted."""
        return self._count_sockets("")

    @property
    def client_socket_count(self) -> int:
        """The same of its own port: of clients, not those to a database."""
        return self._count_sockets(f":{self.port:04X}")

    def _count_sockets(self, address_end: str) -> int:
        folder = Path(f"/proc/{self.pid}")
        tables = [(folder / "net" / name).read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
        lines = [line.split() for table in tables for line in table]
        tcp = {fields[9] for fields in lines if fields[1].endswith(address_end)}
        return sum(_socket_inode(link) in tcp for link in (folder / "fd").iterdir())

    @property
    def log(self) -> str:
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, wait: bool = True) -> Self:
        """Starts the server and, unless told otherwise, waits until it answers."""
        assert not self.is_running, f"{self.name} runs already"
        self.process = self.popen()
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self.process is None or self.process.poll() is not None:
                ended = self.process and self.process.returncode
                raise ServerError(f"{self.name} ended with {ended} at its start:\n{self.log[-4000:]}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerError(f"{self.name} didn't answer within {START_SECONDS} s:\n{self.log[-4000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Asks the server to end and waits until it has."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """Ends the server without asking."""
        self._end(self.kill_signal)

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(how)
        if how is not signal.SIGKILL:
            self.process.send_signal(signal.SIGCONT)  # A paused process can't end by itself.
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise ServerError(f"{self.name} didn't end within {STOP_SECONDS} s:\n{self.log[-4000:]}") from None

    def close(self) -> None:
        """Ends the server for good and removes its folder."""
        try:
            self.kill()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            sys.stderr.write(f"{self.name}, in its log:\n{self.log[-4000:]}\n")  # pytest shows it with the failure.
        self.close()


@contextmanager
def all_of(*servers: Server) -> Iterator[None]:
    """All servers started at once and awaited together."""
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.close)
            server.start(wait=False)
        for server in servers:
            server.wait_until_ready()
        yield

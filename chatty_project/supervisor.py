"""The parent of bin/serve's workers. It replaces a worker that ended, and logs how it ended."""

import logging
import signal

from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

logger = logging.getLogger(__name__)


def describe_end(exit_code: int | None) -> str:
    """Words for the end of a process, by multiprocessing's exit code, which is negative for a signal."""
    if exit_code is None:
        return "ended"
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = "a signal without a name"
    hint = "; where nobody sent it, the machine ran out of memory" if -exit_code == signal.SIGKILL else ""
    return f"was killed by signal {-exit_code} ({name}{hint})"


class Supervisor(Multiprocess):
    """uvicorn's supervisor, with a log line for each worker that ends unexpectedly."""

    def keep_subprocess_alive(self) -> None:
        """Called by uvicorn twice a second. Replaces workers that ended or don't answer."""
        for index, worker in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if worker.is_alive(timeout=self.config.timeout_worker_healthcheck):
                continue
            name = f"Worker {index + 1} of {len(self.processes)} (process {worker.pid})"
            if worker.process.is_alive():
                how = f"didn't answer for {self.config.timeout_worker_healthcheck} s and was killed"
            else:
                how = describe_end(worker.exitcode)
            worker.kill()
            worker.join()
            if worker.exitcode == STARTUP_FAILURE:
                logger.error("%s could not start; bin/serve ends, because another one couldn't either", name)
                self.should_exit.set()
                return
            replacement = Process(self.config, self.sockets)
            replacement.start()
            self.processes[index] = replacement
            logger.error("%s %s; process %d takes its place", name, how, replacement.pid)

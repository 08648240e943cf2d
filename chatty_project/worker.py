"""The application for bin/serve's workers. A worker ends when its parent process ends.

Workers that survive a killed bin/serve would keep the port and serve old code beside the next one.
"""

import multiprocessing
import os
import signal
import sys
from threading import Thread

from chatty_project.asgi import application

__all__ = ["application"]

# A computing thread gives up the interpreter lock after this time if another one waits. The event loop takes the lock
# for each event. With Python's 5 ms, and three threads that read or render, that added up to 100 ms for an echo (p99),
# and to 12 ms with this.
SWITCH_SECONDS = 0.001


def end_with_parent() -> None:
    """Ends this process as soon as its parent has ended for any reason."""
    parent = multiprocessing.parent_process()
    if parent is None:  # One worker is bin/serve itself.
        return

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=wait, name="end-with-parent", daemon=True).start()


end_with_parent()
sys.setswitchinterval(SWITCH_SECONDS)

"""The application as bin/serve's workers run it: a worker ends when the process that started it does.

Workers that outlive a killed bin/serve would keep the port, and serve yesterday's code beside the next one.
"""

import multiprocessing
import os
import signal
from threading import Thread

from chatty_project.asgi import application

__all__ = ["application"]


def end_with_parent() -> None:
    """Asks this process to end as soon as its parent has, however that came about."""
    parent = multiprocessing.parent_process()
    if parent is None:  # One worker is bin/serve itself.
        return

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=wait, name="end-with-parent", daemon=True).start()


end_with_parent()

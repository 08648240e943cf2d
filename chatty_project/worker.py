"""The application for bin/serve's workers. A worker ends when its parent process ends.

Workers that survive a killed bin/serve would keep the port and serve old code beside the next one.
"""

import multiprocessing
import os
import signal
from threading import Thread

from chatty_project.asgi import application

__all__ = ["application"]


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

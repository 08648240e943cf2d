"""Commands of manage.py, in a process of their own."""

import tempfile
from pathlib import Path

from tests.forked import ForkedProcess
from tests.servers.machine import ROOT, ServerError, clean_environ


def manage(*arguments: str, **settings: str) -> str:
    """The output of `manage.py`, errors included, run with `settings` as its environment.

    Raises:
        ServerError: it failed.
    """
    argv = ["manage.py", *arguments]
    source = f"import runpy, sys; sys.argv = {argv!r}; runpy.run_path('manage.py', run_name='__main__')"
    with tempfile.NamedTemporaryFile("r", prefix="chatty-manage-") as log:
        code = ForkedProcess(source, clean_environ(**settings), ROOT, Path(log.name)).wait()
        written = log.read()
    if code:
        raise ServerError(f"manage.py {' '.join(arguments)} failed:\n{written}")
    return written


def migrated(url: str) -> str:
    """The same database URL, once the database has Chatty's tables."""
    manage("migrate", "--skip-checks", "--verbosity=0", DATABASE_URL=url)
    return url

"""The limit on this process's open files. Each client connection is one, and so is each database connection."""

import os
import resource

# Reserved for other uses than members' connections: the database, Redis, static files, and refusals.
RESERVE = 64
MOST = 1_048_576  # Linux's own limit; a hard limit of "unlimited" can't be set.


def raise_limit() -> int:
    """Raises the soft limit to the hard one and returns it. Processes that are started later inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):  # macOS has a lower limit of its own, which it doesn't name.
            return soft
    return limit()


def limit() -> int:
    """The number of files that this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else soft


def is_nearly_full(newest: int | None = None, reserve: int = RESERVE) -> bool:
    """Whether all allowed files but `reserve` are open. New connections are then refused.

    The system gives out the lowest free number, so one that is high enough says that all below it are taken. `newest`
    is that of a file that was just opened; without it, one is opened to see.
    """
    if newest is None:
        try:
            newest = os.open(os.devnull, os.O_RDONLY)
        except OSError:
            return True
        os.close(newest)
    most = limit()
    return newest >= most - min(reserve, most // 4)

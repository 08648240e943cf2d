"""How many files this process may have open. Each client connection is one, and so is each database connection."""

import os
import resource

# Kept free for what isn't a member's connection: the database, Redis, static files, and the answers that refuse.
RESERVE = 64
MOST = 1_048_576  # Linux's own limit; a hard limit of "unlimited" can't be set.


def raise_limit() -> int:
    """Raise the soft limit to the hard one. Returns what it then is; processes that are started later inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):  # macOS has a lower limit of its own, which it doesn't name.
            return soft
    return limit()


def limit() -> int:
    """How many files this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else soft


def is_nearly_full(newest: int | None = None, reserve: int = RESERVE) -> bool:
    """Whether nearly all files are open that may be, but for `reserve`: new connections are then refused.

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

"""What processes cost: CPU time and memory of a process and all that it has started, from /proc."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def tree(pid: int) -> Iterator[int]:
    """A process, and its children, and theirs."""
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return
    for child in children:
        yield from tree(child)


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time that these processes and all that they have started have used so far, user and system.

    A child that ended is counted with its parent, once the parent has waited for it. The kernel's counters step by
    10 ms on most machines.
    """
    ticks = 0
    for pid in {each for root in pids for each in tree(root)}:
        try:
            # After the name, which may hold anything: state is field 3; utime, stime, cutime, cstime are 14 to 17.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICKS_PER_SECOND


def main_thread_seconds(pid: int) -> tuple[float, float]:
    """The seconds that a process's main thread was on a core, and those that it was ready and waited for one."""
    on_core, waited, _slices = Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()
    return int(on_core) / 1e9, int(waited) / 1e9


def machine_cpu_seconds() -> float:
    """CPU time that everything on this machine has used so far, and what its host gave to other machines."""
    user, nice, system, _idle, _iowait, _irq, _softirq, steal, *_ = (
        Path("/proc/stat").read_text().partition("\n")[0].split()[1:]
    )
    return sum(int(ticks) for ticks in (user, nice, system, steal)) / TICKS_PER_SECOND


def rss_kib(pid: int) -> int:
    """Memory that a process and its children hold, in KiB; what they share is counted for each."""
    return sum(_rss_kib(each) for each in tree(pid))


def _rss_kib(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KIB
    except (FileNotFoundError, ProcessLookupError):
        return 0

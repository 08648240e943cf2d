"""What this process has counted since its start, for /metrics: plain numbers, so that counting costs next to nothing.

Nothing here knows of Prometheus: chat/metrics/ reads the numbers when somebody asks. Most are counted on the event
loop. Database errors are counted on threads, where two at once may count as one.
"""

from bisect import bisect_left
from collections import Counter

# Upper bounds of the buckets, in seconds. A commit takes a millisecond on SQLite; above 5 s it is refused.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """How many durations were in each bucket, and their sum."""

    __slots__ = ("buckets", "sum")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)  # The last one has what is longer than all bounds.
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds


class Counters:
    """The numbers of one process."""

    def __init__(self) -> None:
        # Open now.
        self.websockets = 0
        self.streams = 0
        self.polls = 0
        # Since the start.
        self.posts = 0
        self.changes = 0
        self.deliveries = 0
        self.hole_fills = 0
        self.resumes = 0
        self.resets = 0
        self.database_errors = 0
        self.redis_errors = 0
        self.refusals: Counter[str] = Counter()  # By code.
        self.commit = Histogram()
        self.fan_out = Histogram()
        self.loop_lag = Histogram()


counters = Counters()

"""What the doctor finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"  # Works now, and will bite.
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at. What isn't in order has its cure in the words."""

    level: Level
    part: str  # "settings", "database", ...
    words: str

    def __str__(self) -> str:
        return f"{self.level:<8} {self.part:<9} {self.words}"


def ok(part: str, words: str) -> Finding:
    return Finding(Level.OK, part, words)


def warning(part: str, words: str) -> Finding:
    return Finding(Level.WARNING, part, words)


def problem(part: str, words: str) -> Finding:
    return Finding(Level.PROBLEM, part, words)

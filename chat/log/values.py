"""Tables of values in SQL: `VALUES (%s, %s), (%s, %s)` and its parameters, for statements about many things at once."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

ROWS_AT_ONCE = 5_000  # In one statement, well below the databases' limits.


def marks(table: Collection[Sequence[Any]]) -> str:
    """The rows' placeholders, for after `VALUES`. There must be a row."""
    row = ", ".join(["%s"] * len(next(iter(table))))
    return ", ".join([f"({row})"] * len(table))


def flat(table: Collection[Sequence[Any]]) -> list[Any]:
    """The rows' values, one after the other."""
    return [value for row in table for value in row]


def batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """The rows, ROWS_AT_ONCE at a time."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[start : start + ROWS_AT_ONCE]

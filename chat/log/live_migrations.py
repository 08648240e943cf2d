"""Operations for migrations that run while workers serve, so that an upgrade doesn't stop the chat.

From the first release on, a migration runs while workers of the previous version still write. So none of its steps may
lock anything for longer than a second, and the old workers' writes must still be valid. `problems` lists violations: a
test calls it for every migration after the first ones. Use these instead:

- a new column that may be null or has a `db_default`, which both databases add without touching a row;
- `AddIndexBeside`, which allows writes while it reads the table;
- `FillInSlices` for values of old rows: a slice at a time, each in its own transaction;
- two releases to remove a column or table: the first one stops using it, the second one removes it.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db import migrations, transaction
from django.db.models import Max, Min
from django.db.models.expressions import BaseExpression
from django.db.models.fields import NOT_PROVIDED

SLICE_SECONDS = 0.2  # For a slice: rows are locked about as long, on any machine.
FIRST_SLICE = 100  # Rows of the first slice, before the time per row is known.
MOST_AT_ONCE = 10_000  # Rows of a slice.

Fill = Callable[[Any, int, int], None]


class AddIndexBeside(migrations.AddIndex):
    """Adds an index while others write (PostgreSQL: CONCURRENTLY). Its migration needs `atomic = False`."""

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            # An interrupted migration leaves an unused index.
            schema_editor.execute(schema_editor._delete_index_sql(model, self.index.name, concurrently=True))
            schema_editor.add_index(model, self.index, concurrently=True)


class FillInSlices(migrations.RunPython):
    """Fills a model's existing rows: calls `fill(model, first, last)` for ids from `first` to `last`.

    Each slice has its own transaction and takes about SLICE_SECONDS. After an interruption it starts again, so `fill`
    may meet rows that it has filled already, and rows of new workers. Its migration needs `atomic = False`.
    """

    def __init__(self, model_name: str, fill: Fill) -> None:
        self.model_name, self.fill = model_name, fill
        super().__init__(self._fill_all, migrations.RunPython.noop, atomic=False)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [self.model_name, self.fill], {}

    def _fill_all(self, apps: Any, schema_editor: Any) -> None:
        app_label, name = self.model_name.split(".")
        model = apps.get_model(app_label, name)
        for first, last in slices(model, schema_editor.connection.alias):
            with transaction.atomic(using=schema_editor.connection.alias):
                self.fill(model, first, last)


def slices(model: Any, using: str) -> Iterator[tuple[int, int]]:
    """Yields slices `(first, last)` of the ids that a model's rows have now.

    The caller's time for a slice determines the size of the next one.
    """
    ends = model.objects.using(using).aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return
    first, count = ends["first"], FIRST_SLICE
    while first <= ends["last"]:
        begun = time.monotonic()
        yield first, min(first + count - 1, ends["last"])
        first += count
        spent = max(time.monotonic() - begun, SLICE_SECONDS / 10)  # At most ten times as many rows as before.
        count = max(1, min(MOST_AT_ONCE, int(count * SLICE_SECONDS / spent)))


def problems(migration: migrations.Migration) -> list[str]:
    """The reasons why this migration would stop serving workers, one sentence each."""
    found = []
    for operation in migration.operations:
        if reason := _why_not(operation):
            found.append(f"{operation.describe()}: {reason}")
        if isinstance(operation, AddIndexBeside | FillInSlices) and migration.atomic:
            found.append(f"{operation.describe()}: expected atomic = False in its migration")
    return found


def _why_not(operation: Any) -> str | None:
    match operation:
        case AddIndexBeside() | FillInSlices() | migrations.CreateModel() | migrations.AlterModelOptions():
            return None
        case migrations.AddField(field=field):
            return _why_not_field(field)
        case migrations.AddIndex():
            return "nobody could write while the table is read; expected AddIndexBeside"
        case migrations.RemoveIndex() | migrations.AlterModelManagers():
            return None
        case migrations.SeparateDatabaseAndState(database_operations=operations):
            return next(filter(None, map(_why_not, operations)), None)
        case migrations.RunPython() | migrations.RunSQL():
            return "it may lock rows for as long as it runs; expected FillInSlices"
        case _:
            return "workers of the version before may need what it changes, and it may rewrite the table"


def _why_not_field(field: Any) -> str | None:
    if field.unique or field.db_index or field.many_to_many:
        return "an index would be made with it; expected the column first, and then AddIndexBeside"
    default = field.db_default
    if default is not NOT_PROVIDED and not (isinstance(default, BaseExpression) and default.contains_column_references):
        return None
    return None if field.null else "the rows that there are need a value; expected null=True or a db_default"

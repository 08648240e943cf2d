"""Migrations that run while workers serve: the allowed operations, and their effects."""

import time
import uuid
from typing import Any

import pytest
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.utils import timezone

from chat.log import live_migrations
from chat.log.live_migrations import AddIndexBeside, FillInSlices, problems, slices
from chat.models import Message, Room

FIRST_ONES = {"0001_initial", "0002_search"}  # Of the first release: they meet an empty database.
INDEX = models.Index(fields=("author_name",), name="by_author_name")


def test_every_migration_may_run_beside_workers_that_serve() -> None:
    loader = MigrationLoader(None)
    ours = {name: migration for (app, name), migration in loader.disk_migrations.items() if app == "chat"}
    assert [problem for name, each in ours.items() if name not in FIRST_ONES for problem in problems(each)] == []


def migration(*operations: Any, atomic: bool = True) -> migrations.Migration:
    kind = type("Change", (migrations.Migration,), {"operations": list(operations), "atomic": atomic})
    made: migrations.Migration = kind("0003_change", "chat")
    return made


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("room", "colour", models.TextField(null=True)),
        migrations.AddField("room", "colour", models.TextField(db_default="")),
        migrations.CreateModel("thing", [("id", models.BigAutoField(primary_key=True))]),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("room", "topic")]),
    ],
)
def test_what_touches_no_row_may_be_in_a_migration(operation: Any) -> None:
    assert problems(migration(operation)) == []


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("room", "colour", models.TextField(default="")),
        migrations.AddField("room", "colour", models.TextField(null=True, db_index=True)),
        migrations.AlterField("room", "topic", models.TextField()),
        migrations.RemoveField("room", "topic"),
        migrations.RenameField("room", "topic", "subject"),
        migrations.DeleteModel("room"),
        migrations.AddIndex("message", INDEX),
        migrations.AddConstraint("room", models.UniqueConstraint(fields=("title",), name="once")),
        migrations.RunSQL("UPDATE chat_message SET body = ''"),
        migrations.RunPython(migrations.RunPython.noop),
        AddIndexBeside("message", INDEX),  # In a transaction.
        FillInSlices("chat.Message", lambda *_: None),
        migrations.SeparateDatabaseAndState(database_operations=[migrations.RunSQL("SELECT 1")]),
    ],
)
def test_what_stops_workers_is_refused(operation: Any) -> None:
    (problem,) = problems(migration(operation))
    assert "expected" in problem or "workers" in problem


def test_indexes_and_values_may_be_made_outside_of_a_transaction() -> None:
    parts = AddIndexBeside("message", INDEX), FillInSlices("chat.Message", lambda *_: None)
    assert problems(migration(*parts, atomic=False)) == []


def say(count: int) -> None:
    room = Room.objects.create(slug="lobby", head=count)
    Message.objects.bulk_create(
        Message(
            room=room, seq=seq, version=seq, nonce=uuid.uuid4(), author_id=uuid.uuid4(), body="old", at=timezone.now()
        )
        for seq in range(1, count + 1)
    )


def carry_out(*operations: Any) -> None:
    before = MigrationLoader(connection).project_state()
    made = migration(*operations, atomic=False)
    with connection.schema_editor(atomic=False) as editor:
        made.apply(ProjectState(real_apps=before.real_apps) if before is None else before, editor)


def test_values_are_filled_in_slices_that_each_are_a_transaction(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_migrations, "FIRST_SLICE", 3)
    monkeypatch.setattr(live_migrations, "MOST_AT_ONCE", 3)
    say(10)
    seen: list[int] = []

    def fill(model: Any, first: int, last: int) -> None:
        assert connection.in_atomic_block
        assert last - first < 3
        seen.append(model.objects.filter(pk__range=(first, last)).update(body="new"))

    carry_out(FillInSlices("chat.Message", fill))
    assert sum(seen) == 10
    assert len(seen) >= 4
    assert set(Message.objects.values_list("body", flat=True)) == {"new"}


def test_a_slow_slice_makes_the_next_one_shorter(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    say(600)
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    sizes = []
    for first, last in slices(Message, "default"):
        sizes.append(last - first + 1)
        now += sizes[-1] / 100  # Each row takes a hundredth of a second.
    assert sizes[0] == live_migrations.FIRST_SLICE
    assert set(sizes[1:-1]) <= {19, 20}  # So many rows take SLICE_SECONDS.
    assert sum(sizes) == 600


def test_nothing_is_filled_where_there_is_nothing(database: str) -> None:
    carry_out(FillInSlices("chat.Message", lambda *_: pytest.fail("There is no row.")))


def test_an_index_is_made_beside_others_who_write(database: str) -> None:
    carry_out(AddIndexBeside("message", INDEX))
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "chat_message")
    assert "by_author_name" in constraints

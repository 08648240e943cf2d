"""The index that search.py looks messages up in, kept by the database itself.

On SQLite an FTS5 table that reads bodies from `chat_message` (external content), kept in step by triggers. A later
migration that makes Django rebuild `chat_message` drops them with the old table, and has to make them again.
On PostgreSQL a generated column with a GIN index. Adding it rewrites the table, and nobody can write meanwhile.
"""

import sqlite3
from typing import Any

from django.db import migrations

SQLITE = """
CREATE VIRTUAL TABLE chat_message_fts USING fts5(
    room_id, body, content='chat_message', content_rowid='id', columnsize=0, tokenize='unicode61 remove_diacritics 2'
);
INSERT INTO chat_message_fts (chat_message_fts) VALUES ('rebuild');
CREATE TRIGGER chat_message_fts_insert AFTER INSERT ON chat_message BEGIN
    INSERT INTO chat_message_fts (rowid, room_id, body) VALUES (new.id, new.room_id, new.body);
END;
CREATE TRIGGER chat_message_fts_update AFTER UPDATE OF room_id, body ON chat_message
WHEN new.body != old.body OR new.room_id != old.room_id BEGIN
    INSERT INTO chat_message_fts (chat_message_fts, rowid, room_id, body)
    VALUES ('delete', old.id, old.room_id, old.body);
    INSERT INTO chat_message_fts (rowid, room_id, body) VALUES (new.id, new.room_id, new.body);
END;
CREATE TRIGGER chat_message_fts_delete AFTER DELETE ON chat_message BEGIN
    INSERT INTO chat_message_fts (chat_message_fts, rowid, room_id, body)
    VALUES ('delete', old.id, old.room_id, old.body);
END;
"""
SQLITE_BACK = """
DROP TRIGGER chat_message_fts_insert;
DROP TRIGGER chat_message_fts_update;
DROP TRIGGER chat_message_fts_delete;
DROP TABLE chat_message_fts;
"""

# As words.SEPARATORS and words.fold have it. Lower case by ICU where this PostgreSQL has it: the database's own locale
# may know of ASCII only.
SEPARATORS = (
    r"\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7"
    r"\u05be\u05c0\u05c3\u05f3\u05f4\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u1680\u2000-\u206f\u20a0-\u20cf"
    r"\u2100-\u2bff\u3000-\u3004\u3008-\u3020\u3030\u30fb\ufe0e-\ufe1f\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20"
    r"\uff3b-\uff40\uff5b-\uff65\U0001f000-\U0001faff"
)
POSTGRESQL = r"""
ALTER TABLE chat_message ADD COLUMN words tsvector GENERATED ALWAYS AS (
    to_tsvector('simple', regexp_replace(
        translate(regexp_replace(lower(normalize(body, NFD){collation}), '[\u0300-\u036f]', '', 'g'), 'ς', 'σ'),
        '[{separators}]+', ' ', 'g'
    ))
) STORED;
CREATE INDEX message_words ON chat_message USING gin (words) WITH (fastupdate = off);
"""
POSTGRESQL_BACK = "ALTER TABLE chat_message DROP COLUMN words;"


def forwards(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            run_sqlite(cursor, SQLITE)
        else:
            cursor.execute("SET LOCAL statement_timeout = 0")  # A log of millions takes its minutes.
            cursor.execute("SELECT count(*) FROM pg_collation WHERE collname = 'und-x-icu'")
            collation = ' COLLATE "und-x-icu"' if cursor.fetchone()[0] else ""
            cursor.execute(POSTGRESQL.format(collation=collation, separators=SEPARATORS))


def backwards(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "sqlite":
            run_sqlite(cursor, SQLITE_BACK)
        else:
            cursor.execute(POSTGRESQL_BACK)


def run_sqlite(cursor: Any, script: str) -> None:
    """Statement by statement: SQLite's own way to run a script ends the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if statement.rstrip().endswith(";") and sqlite3.complete_statement(statement):
            cursor.execute(statement)
            statement = ""


class Migration(migrations.Migration):
    dependencies = [("chat", "0002_moderation")]
    operations = [migrations.RunPython(forwards, backwards)]

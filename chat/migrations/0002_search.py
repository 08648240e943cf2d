"""The index that search.py looks messages up in, kept by the database itself.

What it has of a message is `search_text`, the words that search_terms.py cut and folded, or, where that is null, the body, whose
words are then runs of ASCII letters and digits and of all that isn't ASCII.

On SQLite an FTS5 table, which reads the messages through a view. `chat_message_indexed` has the id of the newest message
in it, or 0: search_index.py adds later ones, many at once. Triggers keep those that it has in step. If the newest one
is deleted, its id may be given to a new message, so the position then moves back.

On PostgreSQL a generated column with a GIN index; it has no places of words, of which PostgreSQL would keep 256 for
each: search.py looks for phrases in the text. PostgreSQL adds new messages to the index's pending list, which a search
reads, and moves them into the index, many at once.

A later migration that makes Django rebuild SQLite's `chat_message` has to drop the view first, and make it and the
triggers again.
"""

import sqlite3
from typing import Any

from django.db import migrations

from chat.content.folding import VERSION

# The tokenizer `ascii` folds the case of ASCII, and takes all that isn't ASCII for parts of words.
SQLITE = """
CREATE TABLE chat_message_indexed (last integer NOT NULL);
INSERT INTO chat_message_indexed (last) VALUES (0);
CREATE VIEW chat_message_words AS SELECT id, room_id, coalesce(search_text, body) AS body FROM chat_message
WHERE id <= (SELECT last FROM chat_message_indexed);
CREATE VIRTUAL TABLE chat_message_fts USING fts5(
    room_id, body, content='chat_message_words', content_rowid='id', columnsize=0, tokenize='ascii'
);
CREATE TRIGGER chat_message_fts_update AFTER UPDATE OF room_id, body, search_text ON chat_message
WHEN old.id <= (SELECT last FROM chat_message_indexed)
AND (coalesce(new.search_text, new.body) != coalesce(old.search_text, old.body) OR new.room_id != old.room_id) BEGIN
    INSERT INTO chat_message_fts (chat_message_fts, rowid, room_id, body)
    VALUES ('delete', old.id, old.room_id, coalesce(old.search_text, old.body));
    INSERT INTO chat_message_fts (rowid, room_id, body)
    VALUES (new.id, new.room_id, coalesce(new.search_text, new.body));
END;
CREATE TRIGGER chat_message_fts_delete AFTER DELETE ON chat_message
WHEN old.id <= (SELECT last FROM chat_message_indexed) BEGIN
    INSERT INTO chat_message_fts (chat_message_fts, rowid, room_id, body)
    VALUES ('delete', old.id, old.room_id, coalesce(old.search_text, old.body));
    UPDATE chat_message_indexed SET last = coalesce((SELECT max(id) FROM chat_message WHERE id < old.id), 0)
    WHERE last = old.id;
END;
"""
SQLITE_BACK = """
DROP TRIGGER chat_message_fts_update;
DROP TRIGGER chat_message_fts_delete;
DROP TABLE chat_message_fts;
DROP VIEW chat_message_words;
DROP TABLE chat_message_indexed;
"""

# At most 64 KB wait for the index: a post that moves them takes some 10 ms longer.
# PostgreSQL takes no word of more than 2,046 bytes: `search_text` has none, other texts are cut here.
POSTGRESQL = r"""
ALTER TABLE chat_message ADD COLUMN words tsvector GENERATED ALWAYS AS (
    array_to_tsvector(array_remove(string_to_array(
        coalesce(search_text, regexp_replace(
            regexp_replace(lower(body COLLATE "C"), '[\x01-\x2f\x3a-\x60\x7b-\x7f]+', ' ', 'g'),
            '([^ ]{255})[^ ]+', '\1', 'g'
        )),
        ' '
    ), ''))
) STORED;
CREATE INDEX message_words ON chat_message USING gin (words) WITH (fastupdate = on, gin_pending_list_limit = 64);
"""


def forwards(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "sqlite":
            run_sqlite(cursor, SQLITE)
        else:
            cursor.execute(POSTGRESQL)
    apps.get_model("chat", "SearchFolding").objects.create(pk=1, version=VERSION)  # There are no messages yet.


def backwards(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "sqlite":
            run_sqlite(cursor, SQLITE_BACK)
        else:
            cursor.execute("ALTER TABLE chat_message DROP COLUMN words")


def run_sqlite(cursor: Any, script: str) -> None:
    """Statement by statement: SQLite's own way to run a script ends the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if statement.rstrip().endswith(";") and sqlite3.complete_statement(statement):
            cursor.execute(statement)
            statement = ""


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial")]
    operations = [migrations.RunPython(forwards, backwards)]

"""Text that is written without spaces is found by any part of it: its characters are words of their own in the index.

Between them, spaces are put in before the database cuts a text into words: by a view on SQLite, which the FTS5 table now
reads instead of `chat_message`; by a regular expression on PostgreSQL. Full-width letters and half-width kana become
ordinary ones on the way. SQLite's words now keep the marks of all scripts, as PostgreSQL's do: they fell apart there.

On SQLite, a later migration that makes Django rebuild `chat_message` has to drop the view first, and make it and the
triggers again. On PostgreSQL, the table is rewritten, and nobody can read or write meanwhile.
"""

import importlib
import unicodedata
from typing import Any

from django.db import migrations

earlier = importlib.import_module("chat.migrations.0003_search")

# As words.py has them.
SEPARATORS = (
    r"\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7"
    r"\u05be\u05c0\u05c3\u05f3\u05f4\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u0e3f\u0e4f\u0e5a\u0e5b"
    r"\u0f08\u0f0b-\u0f14\u104a-\u104f\u1680\u17d4-\u17d6\u17d8-\u17db\u2000-\u206f\u20a0-\u2bff"
    r"\u3000-\u3004\u3008-\u3020\u3030\u30a0\u30fb\ufe00-\ufe1f\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40"
    r"\uff5b-\uff65\U0001f000-\U0001faff\U000e0100-\U000e01ef"
)
WHOLE = (
    r"\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u3131-\u318e\u31a0-\u31bf"
    r"\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufad9\uff66-\uff9d\U00020000-\U0003fffd"
)
STACKED = (
    r"\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd\u0ec0-\u0ec6\u0edc-\u0edf"
    r"\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070\u1075-\u1081\u108e"
    r"\u1780-\u17b3\u17d7\u17dc"
)
MARKS = (
    r"\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060"
    r"\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u3099\u309a\uff9e\uff9f"
)
FULL_WIDTH = "".join(map(chr, [*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)]))
HALF_WIDTH = "".join(map(chr, range(0xFF66, 0xFFA0)))
ORDINARY = unicodedata.normalize("NFKC", FULL_WIDTH) + "".join(unicodedata.normalize("NFKC", c) for c in HALF_WIDTH)


def characters(ranges: str) -> str:
    """The ranges with the characters themselves: SQLite knows no escapes."""
    return ranges.encode("ascii").decode("unicode_escape")


def voiced(mark: str) -> tuple[str, str]:
    """Kana to which `mark` may be added, of any width, and what they are with it."""
    kana = [*map(chr, range(0x3041, 0x3100)), *HALF_WIDTH[:-2]]
    with_mark = {one: unicodedata.normalize("NFC", unicodedata.normalize("NFKC", one) + mark) for one in kana}
    pairs = [(one, composed) for one, composed in with_mark.items() if len(composed) == 1]
    return "".join(one for one, _ in pairs), "".join(composed for _, composed in pairs)


PLAIN, VOICED = voiced("\u3099")
PLAIN_TOO, HALF_VOICED = voiced("\u309a")

# The view goes through a text character by character: `c` stands between `p` and `n`. It takes them from pieces of 64,
# because to find the last of 4,000 characters SQLite has to look at all. SEEN is what it does so for, roughly.
SEEN = characters(r"\u0e01-\u0ede\u1000-\u109d\u1780-\u17dd\u3005-\ud7a3\uf900-\ufad9\uff10-\uff9f\U00020000-\U0003fffd")
UNSPACED, TAILS = characters(WHOLE + STACKED), characters(MARKS)
SQLITE_VIEW = f"""
CREATE VIEW chat_message_words AS SELECT id, room_id, CASE
    WHEN length(body) = length(CAST(body AS BLOB)) THEN body
    WHEN body NOT GLOB '*[{SEEN}]*' THEN body
    ELSE (
        WITH RECURSIVE place (i, piece, c, p) AS (
            SELECT 1, substr(body, 1, 65), substr(body, 1, 1), ' '
            UNION ALL
            SELECT
                i + 1,
                CASE WHEN i % 64 THEN piece ELSE substr(body, i + 1, 65) END,
                CASE WHEN i % 64 THEN substr(piece, i % 64 + 1, 1) ELSE substr(body, i + 1, 1) END,
                c
            FROM place WHERE c != ''
        ), around (c, p, n) AS (SELECT c, p, substr(piece, (i - 1) % 64 + 2, 1) FROM place)
        SELECT group_concat(
            CASE WHEN c GLOB '[{UNSPACED}]' OR p GLOB '[{UNSPACED}{TAILS}]' AND c NOT GLOB '[{TAILS}]'
            THEN ' ' ELSE '' END ||
            CASE
            WHEN n IN ('\u3099', '\uff9e') AND instr('{PLAIN}', c) THEN substr('{VOICED}', instr('{PLAIN}', c), 1)
            WHEN n IN ('\u309a', '\uff9f') AND instr('{PLAIN_TOO}', c)
            THEN substr('{HALF_VOICED}', instr('{PLAIN_TOO}', c), 1)
            WHEN c IN ('\u3099', '\uff9e') AND instr('{PLAIN}', p) THEN ''
            WHEN c IN ('\u309a', '\uff9f') AND instr('{PLAIN_TOO}', p) THEN ''
            WHEN c > '\uff00' AND instr('{FULL_WIDTH}{HALF_WIDTH}', c)
            THEN substr('{ORDINARY}', instr('{FULL_WIDTH}{HALF_WIDTH}', c), 1)
            ELSE c END,
        '') FROM around WHERE c != ''
    )
    END AS body
FROM chat_message;
"""  # nosec B608 # nothing in it comes from outside.
# Marks belong to words, except for those of emoji and of variants of Han. What Unicode has had for emoji since its version
# 6.1 are letters to SQLite. To open a connection takes half a millisecond longer with so many exceptions.
EXCEPTIONS = "".join(
    chr(code)
    for codes in (range(0x20D0, 0x2100), range(0xFE00, 0xFE10), range(0x1F000, 0x1FB00), range(0xE0100, 0xE01F0))
    for code in codes
)
SQLITE = f"""
{SQLITE_VIEW}
CREATE VIRTUAL TABLE chat_message_fts USING fts5(
    room_id, body, content='chat_message_words', content_rowid='id', columnsize=0,
    tokenize="unicode61 remove_diacritics 2 categories 'L* M* N* Co' separators '{EXCEPTIONS}'"
);
INSERT INTO chat_message_fts (chat_message_fts) VALUES ('rebuild');
CREATE TRIGGER chat_message_fts_insert AFTER INSERT ON chat_message BEGIN
    INSERT INTO chat_message_fts (rowid, room_id, body)
    SELECT id, room_id, body FROM chat_message_words WHERE id = new.id;
END;
CREATE TRIGGER chat_message_fts_update_before BEFORE UPDATE OF room_id, body ON chat_message
WHEN new.body != old.body OR new.room_id != old.room_id BEGIN
    INSERT INTO chat_message_fts (chat_message_fts, rowid, room_id, body)
    SELECT 'delete', id, room_id, body FROM chat_message_words WHERE id = old.id;
END;
CREATE TRIGGER chat_message_fts_update AFTER UPDATE OF room_id, body ON chat_message
WHEN new.body != old.body OR new.room_id != old.room_id BEGIN
    INSERT INTO chat_message_fts (rowid, room_id, body)
    SELECT id, room_id, body FROM chat_message_words WHERE id = new.id;
END;
CREATE TRIGGER chat_message_fts_delete BEFORE DELETE ON chat_message BEGIN
    INSERT INTO chat_message_fts (chat_message_fts, rowid, room_id, body)
    SELECT 'delete', id, room_id, body FROM chat_message_words WHERE id = old.id;
END;
"""  # nosec B608 # nothing in it comes from outside.
SQLITE_BACK = f"""
DROP TRIGGER chat_message_fts_update_before;
{earlier.SQLITE_BACK}
DROP VIEW chat_message_words;
"""

# Accents go while they stand alone (NFD), then Hangul and kana come together again (NFC).
POSTGRESQL = r"""
ALTER TABLE chat_message DROP COLUMN words, ADD COLUMN words tsvector GENERATED ALWAYS AS (
    to_tsvector('simple', regexp_replace(regexp_replace(
        normalize(translate(regexp_replace(
            lower(normalize(translate(body, '{widths}', '{ordinary}'), NFD){collation}), '[\u0300-\u036f]', '', 'g'
        ), 'ς', 'σ'), NFC),
        '[{separators}]+', ' ', 'g'
    ), '(?=[{unspaced}])|(?<=[{unspaced}{marks}])(?![{unspaced}{marks}])', ' ', 'g'))
) STORED;
CREATE INDEX message_words ON chat_message USING gin (words) WITH (fastupdate = off);
"""


def forwards(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            earlier.run_sqlite(cursor, earlier.SQLITE_BACK + SQLITE)
        else:
            cursor.execute("SET LOCAL statement_timeout = 0")  # A log of millions takes its minutes.
            cursor.execute("SELECT count(*) FROM pg_collation WHERE collname = 'und-x-icu'")
            collation = ' COLLATE "und-x-icu"' if cursor.fetchone()[0] else ""
            cursor.execute(
                POSTGRESQL.format(
                    collation=collation,
                    separators=SEPARATORS,
                    unspaced=WHOLE + STACKED,
                    marks=MARKS,
                    widths=FULL_WIDTH + HALF_WIDTH,
                    ordinary=ORDINARY,
                )
            )


def backwards(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            earlier.run_sqlite(cursor, SQLITE_BACK + earlier.SQLITE)
    else:
        earlier.backwards(apps, schema_editor)
        earlier.forwards(apps, schema_editor)


class Migration(migrations.Migration):
    dependencies = [("chat", "0006_describe_rooms")]
    operations = [migrations.RunPython(forwards, backwards)]

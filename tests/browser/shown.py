"""The messages that a tab shows, and those that it should show: from the log in the database, with a filter."""

import json
import sqlite3
import uuid
from pathlib import Path
from typing import Any

from tests.browser.person import Person
from tests.servers import ChattyServer

READ_SECONDS = 20  # To scroll up to the beginning.
TOLD_DIFFERENCES = 10

# All that a tab shows, read from the newest up to the beginning.
READ = """async (seconds) => {
    const until = Date.now() + seconds * 1000;
    const scroller = document.querySelector(".scroller");
    const older = document.querySelector(".older");
    const found = new Map();
    const wrong = [];
    const pause = () => new Promise((done) => setTimeout(done, 20));
    const textOf = (node, name) => node.querySelector(`[data-slot=${name}]`).textContent;
    const isShown = (node) => !node.hidden;

    function look(item) {
        const isDeleted = item.classList.contains("is-deleted");
        const quote = item.querySelector("[data-slot=quote]");
        const chips = [...item.querySelectorAll(".reaction[data-value]")];
        return {
            seq: Number(item.dataset.seq),
            author: item.dataset.author,
            name: textOf(item, "name"),
            body: isDeleted ? null : textOf(item, "body"),
            isEdited: isShown(item.querySelector("[data-slot=edited]")),
            quote: isShown(quote) ? [textOf(quote, "quote-author"), textOf(quote, "quote-text")] : null,
            reactions: chips.map((chip) => [chip.dataset.value, Number(textOf(chip, "count")), chip.ariaPressed]),
        };
    }

    function collect() {
        let last = 0;
        for (const item of [...document.querySelectorAll(".messages > li.message")].filter(isShown)) {
            if (!item.dataset.seq) {
                wrong.push(`waits: ${textOf(item, "body")}`);
                continue;
            }
            const message = look(item);
            if (message.seq <= last) wrong.push(`${message.seq} stands behind ${last}`);
            last = message.seq;
            found.set(last, message);
        }
    }

    app.events.publish("timeline:show-newest");
    await pause();
    for (;;) {
        collect();
        if (older.hidden) break;
        if (Date.now() > until) {
            wrong.push("the beginning didn't come");
            break;
        }
        scroller.scrollTop = 0;
        older.querySelector("[data-slot=button]").click();
        await pause();
    }
    const members = [...document.querySelectorAll(".members .member:not(.is-leaving)")];
    const roster = members.map((item) => [item.dataset.member, textOf(item, "name")]);
    return {messages: [...found.values()].sort((one, other) => one.seq - other.seq), roster, wrong};
}"""


Row = dict[str, Any]


def read(person: Person) -> dict[str, Any]:
    """All that the page shows: `messages`, `roster`, and what is `wrong` in any case.

    Reactions are in an order of ours: a chip stays where it is, for somebody may be about to press it.
    """
    state: dict[str, Any] = person.run(READ, READ_SECONDS)
    for message in state["messages"]:
        message["reactions"].sort()
    return state


def read_log(server: ChattyServer, room: str) -> list[Row]:
    """The room's messages, by seq, as the database has them."""
    path = Path(server.settings["DATABASE_URL"].removeprefix("sqlite:///"))
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    query = "SELECT m.* FROM chat_message m JOIN chat_room r ON r.id = m.room_id WHERE r.slug = ? ORDER BY seq"
    rows = [dict(row) for row in connection.execute(query, (room,))]
    connection.close()
    for row in rows:
        row["author_id"] = str(uuid.UUID(row["author_id"]))
        row["reactions"] = json.loads(row["reactions"])
        row["mentions"] = json.loads(row["mentions"] or "[]") or []
    return rows


def as_shown(log: list[Row], me: str, fragment: str) -> list[Row]:
    """What a page of `me` shows of the log under a filter."""
    by_seq = {row["seq"]: row for row in log}
    return [_message_as_shown(row, by_seq, me) for row in log if _matches(row, me, fragment)]


def _matches(row: Row, me: str, fragment: str) -> bool:
    parts = fragment.removeprefix("#").split("/")
    authors = parts[1].split(",") if fragment.startswith("#users/") else []
    if authors and row["author_id"] not in authors:
        return False
    return ("mentions" not in parts or me in row["mentions"]) and ("links" not in parts or bool(row["has_link"]))


def _message_as_shown(row: Row, by_seq: dict[int, Row], me: str) -> dict[str, Any]:
    is_standing = not row["deleted_at"]
    quote = None
    if is_standing and row["reply_to"]:
        quoted = by_seq[row["reply_to"]]
        quote = [quoted["author_name"], quoted["body"] or "Message deleted"]
    return {
        "seq": row["seq"],
        "author": row["author_id"],
        "name": row["author_name"],
        "body": row["body"] if is_standing else None,
        "isEdited": is_standing and row["edited_at"] is not None,
        "quote": quote,
        "reactions": sorted(
            [emoji, len(ids), "true" if me in ids else "false"] for emoji, ids in row["reactions"].items()
        ),
    }


def difference(state: Any, expected: Any) -> str:
    """The first few things that are otherwise."""
    if not isinstance(state, dict):
        return f"  is {state}\n  not {expected}"
    lines = [f"  {wrong}" for wrong in state["wrong"]]
    shown = {message["seq"]: message for message in state["messages"]}
    wanted = {message["seq"]: message for message in expected["messages"]}
    for seq in sorted(shown.keys() | wanted.keys()):
        if shown.get(seq) != wanted.get(seq):
            lines.append(f"  shows  {shown.get(seq)}\n  not    {wanted.get(seq)}")
    return "\n".join(lines[:TOLD_DIFFERENCES])

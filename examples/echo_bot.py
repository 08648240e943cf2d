"""Echoes each message of a room once, through restarts of its own and of the server.

    CHATTY_TOKEN=... python3 examples/echo_bot.py http://localhost:8000 lobby place.txt

The token is a bot's: `manage.py bot create Echo`. The file keeps the place that was reached.
"""

import os
import sys
from pathlib import Path
from uuid import UUID, uuid5

from chatty_client import Place, Refused, Room, identify


def main(server: str, slug: str, file: Path) -> None:
    me = identify(server, os.environ["CHATTY_TOKEN"])
    room = Room(me, slug, name="Echo")
    since = Place.of(file.read_text()) if file.exists() else Place()
    for batch in room.follow(since):
        for message in batch.messages:
            if message["author"].get("bot"):  # Itself, or one that might answer.
                continue
            # Each message has one nonce for its echo: after a restart it can't be posted twice.
            try:
                room.post(message["body"], reply_to=message["seq"], nonce=uuid5(UUID(me.id), message["nonce"]))
            except Refused as refused:
                print(refused, file=sys.stderr)
        keep(batch.place, file)


def keep(place: Place, file: Path) -> None:
    new = file.with_suffix(".new")
    new.write_text(str(place))
    new.replace(file)  # In one step, so that it is never half written.


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))

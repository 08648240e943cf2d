"""Messages of other days, written into a server's database before anybody is in their room."""

import json

from tests.servers import ChattyServer
from tests.servers.commands import manage

_WRITE = """
import json, uuid
from chat.content.search_terms import search_text
from chat.models import Mention, Message, Room
from chat.protocol.events import moment
for slug, said in json.loads({said!r}).items():
    room = Room.objects.create(slug=slug, title=slug.title(), head=len(said))
    rows = [
        Message(
            room=room, seq=seq, version=seq, nonce=uuid.uuid4(), author_id=uuid.UUID(int=7), author_name="Old Tom",
            body=body, html=f"<p>{{body}}</p>", at=moment(at), mentions=mentions or None, search_text=search_text(body),
            has_link="://" in body or None,
        )
        for seq, (at, body, mentions) in enumerate(said, start=1)
    ]
    Message.objects.bulk_create(rows)
    Mention.objects.bulk_create(
        Mention(room=room, seq=row.seq, member_id=uuid.UUID(each)) for row in rows for each in row.mentions or ()
    )
"""
OLD_TOM = "00000000-0000-0000-0000-000000000007"


def write_old(server: ChattyServer, **rooms: list[tuple[int, str, list[str]]]) -> None:
    """Creates rooms in which Old Tom said this: when (milliseconds), what, and whom it mentions."""
    script = _WRITE.format(said=json.dumps({slug.replace("_", "-"): said for slug, said in rooms.items()}))
    manage("shell", "--command", script, **server.settings)

"""`move`: a socket goes to another room."""

import asyncio
import uuid
from typing import Any

import pytest

from tests.client import Client, Enter, new_slug
from tests.http_client import Requester
from tests.servers import ChattyServer


async def move(client: Client, room: str, **fields: object) -> dict[str, Any]:
    await client.send(type="move", room=room, id="there", **fields)
    return await client.next("welcome")


@pytest.mark.parametrize("on", [0, 1], ids=["one process", "another process"])
async def test_who_moves_is_in_the_other_room_only(enter: Enter, room: str, on: int) -> None:
    there = new_slug()
    ann, bob, cid = await enter("Ann"), await enter("Bob", on=on), await enter("Cid", there, on=on)
    await bob.until(lambda bob: ann.id in bob.members, "Ann")
    welcome = await move(ann, there)
    assert (welcome["re"], welcome["room"]) == ("there", {"slug": there, "title": there})
    assert welcome["me"] == {"id": ann.id, "name": "Ann"}
    await cid.until(lambda cid: cid.members.get(ann.id) == "Ann", "Ann")
    await bob.until(lambda bob: ann.id not in bob.members, "her leaving")

    before = len(ann.events)
    await bob.post("not for Ann")
    await cid.post("for Ann")
    await ann.next("message", lambda event: event["body"] == "for Ann")
    await ann.post("from Ann")
    await cid.next("message", lambda event: event["body"] == "from Ann")
    assert [event["body"] for event in ann.events[before:] if event["type"] == "message"] == ["for Ann", "from Ann"]


async def test_who_comes_back_resumes(enter: Enter, room: str) -> None:
    ann, bob = await enter("Ann"), await enter("Bob")
    await ann.post("one")
    since = {"log": ann.log, "version": ann.head}
    await move(ann, new_slug())
    await bob.post("two")
    welcome = await move(ann, room, since=since)
    assert not welcome["reset"]
    assert [message["body"] for message in welcome["messages"]] == ["two"]


async def test_the_name_of_the_moment_is_taken_along(enter: Enter, room: str) -> None:
    ann = await enter("Ann")
    await ann.send(type="rename", name="Anna")
    await ann.next("renamed")
    assert (await move(ann, new_slug()))["me"] == {"id": ann.id, "name": "Anna"}


async def test_rooms_that_were_watched_are_watched_no_more(enter: Enter, room: str) -> None:
    ann, bob = await enter("Ann"), await enter("Bob")
    await bob.post("the room's first")
    other = new_slug()
    await ann.send(type="watch", rooms=[{"slug": other, "seq": 0}])
    await ann.next("unread")
    await move(ann, new_slug())
    await ann.send(type="watch", rooms=[{"slug": room, "seq": 0}])
    assert [found["slug"] for found in (await ann.next("unread"))["rooms"]] == [room]
    await bob.post("heard")
    assert (await ann.next("activity"))["rooms"][0]["slug"] == room


async def test_what_was_sent_before_is_carried_out_in_the_former_room(enter: Enter, room: str) -> None:
    ann, bob = await enter("Ann"), await enter("Bob")
    for number in range(3):
        await ann.send(type="post", nonce=str(uuid.uuid4()), body=f"{number}")
    await ann.send(type="search", query="0", limit=1, id="search")
    await move(ann, new_slug())
    await bob.until(lambda bob: bob.bodies == ["0", "1", "2"], "all three")
    assert [event["re"] for event in ann.events if event["type"] in ("found", "welcome") and "re" in event] == [
        "search",
        "there",
    ]


@pytest.mark.parametrize(("address", "code"), [("../admin", "no_such_room"), ("", "no_such_room"), (5, "bad_frame")])
async def test_who_can_not_go_there_stays(enter: Enter, room: str, address: object, code: str) -> None:
    ann = await enter("Ann")
    await ann.send(type="move", room=address)
    assert (await ann.refused())["code"] == code
    assert (await ann.post("still here"))["body"] == "still here"


async def test_many_go_to_and_fro_at_once_and_nobody_is_left_behind(enter: Enter, room: str) -> None:
    rooms = [room, new_slug(), new_slug()]
    people = await asyncio.gather(*(enter(f"Ann {number}", on=number % 2) for number in range(6)))
    watcher = await enter("Watcher")

    async def wander(person: Client) -> None:
        for number in range(4):
            await move(person, rooms[number % 3])
            await person.post(f"{person.name} {number}")
        await move(person, rooms[1])

    await asyncio.gather(*map(wander, people))
    await watcher.until(lambda watcher: set(watcher.members) == {watcher.id}, "that all have gone")
    there = await enter("Last", rooms[1], on=1)
    await there.until(lambda there: {person.id for person in people} <= set(there.members), "that all are there")


async def test_over_http_it_is_refused(server: ChattyServer, room: str) -> None:
    ann = await Requester(server.http_url, room).identify()
    answer = await ann.command({"type": "move", "room": new_slug()}, session=False)
    assert answer.status_code == 400
    assert answer.json()[0]["code"] == "bad_frame"

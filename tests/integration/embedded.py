"""Talks to Chatty under `/talk/` in another project. test_wheel.py runs it in that project's folder."""

import asyncio
import json
import logging
import re
import sys
import uuid
from collections.abc import Callable
from typing import Any

import django

django.setup()

from channels.routing import URLRouter  # noqa: E402
from channels.testing import HttpCommunicator, WebsocketCommunicator  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib import admin  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.staticfiles import finders  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import AsyncClient, Client  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from chat.routing import http_urlpatterns, websocket_urlpatterns  # noqa: E402

settings.ALLOWED_HOSTS = ["testserver"]
LOGGERS = logging.root.manager.loggerDict


async def hosts_own(scope: Any, receive: Any, send: Any) -> None:
    """The host's answer to all other sockets."""
    await send({"type": "websocket.close", "code": 4999})


AT_THE_ROOT = URLRouter([*websocket_urlpatterns, re_path(r"", hosts_own)])  # type: ignore[arg-type]
UNDER_THE_PREFIX = URLRouter([path("talk/", URLRouter(websocket_urlpatterns))])


async def receive(socket: WebsocketCommunicator, kind: str) -> dict[str, Any]:
    while True:
        for event in await socket.receive_json_from(timeout=60):
            if event["type"] == kind:
                found: dict[str, Any] = event
                return found


async def check_pages() -> None:
    web = AsyncClient()
    index: Any = await web.get("/talk/")
    assert (index.status_code, index.headers["Location"]) == (302, "/talk/chatty")
    page = (await web.get("/talk/chatty/harbour")).content.decode()
    assert 'data-home="/talk/chatty"' in page
    own = re.findall(r'(?:href|src|data-[a-z-]+)="(/[^"]*)"', page)
    assert own
    assert all(address.startswith(("/talk/", "/static/")) for address in own), own
    assert all(finders.find(address.removeprefix("/static/")) for address in own if address.startswith("/static/"))
    manifest: Any = await web.get("/talk/manifest.webmanifest")
    assert manifest.json()["scope"] == "/talk/chatty"
    assert '"/talk/offline"' in (await web.get("/talk/worker.js")).content.decode().replace("\\u002D", "-")
    capitals: Any = await web.get("/talk/Chatty/Harbour")
    assert capitals.headers["Location"] == "/talk/chatty/harbour"
    for probe in ("offline", "healthz", "readyz"):
        assert (await web.get(f"/talk/{probe}")).status_code == 200, probe
    assert (await web.get("/chatty")).status_code == 404, "the root is the host's"


async def talk(info: dict[str, str], name: str, router: Callable[..., Any], session: str = "") -> str:
    """Joins, says something, and returns the author's name."""
    address = info["socketURL"].removeprefix("ws://testserver") + "/harbour"
    headers = [(b"cookie", f"sessionid={session}".encode())] if session else []
    socket = WebsocketCommunicator(router, address, headers)
    assert (await socket.connect())[0]
    await socket.send_json_to({"type": "join", "v": 1, "token": info["token"], "name": name})
    assert (await receive(socket, "welcome"))["me"]["id"] == info["uuid"]
    await socket.send_json_to({"type": "post", "nonce": str(uuid.uuid4()), "body": "hello"})
    message = await receive(socket, "message")
    await socket.disconnect()
    author: str = message["author"]["name"]
    return author


async def check_rooms(session: str) -> None:
    web = AsyncClient()
    answer: Any = await web.get("/talk/get_user_info.json")
    info = answer.json()
    assert info["socketURL"] == "ws://testserver/talk/ws/chatty"
    assert answer.cookies["chatty_identity"]["path"] == "/talk/get_user_info.json"
    assert await talk(info, "Ann", AT_THE_ROOT) == "Ann"
    assert await talk(info, "Ann", UNDER_THE_PREFIX) == "Ann"
    web.cookies["sessionid"] = session
    answer = await web.get("/talk/get_user_info.json")
    assert answer.json()["name"] == "Dora Fuchs"
    assert await talk(answer.json(), "Ann", AT_THE_ROOT, session) == "Dora Fuchs"


async def check_http() -> None:
    """A message over HTTP, by a router at the root and by one that has taken the prefix off."""
    info: Any = (await AsyncClient().get("/talk/get_user_info.json")).json()
    assert info["httpURL"] == "http://testserver/talk/chatty"
    headers = [(b"host", b"testserver"), (b"authorization", f"Bearer {info['token']}".encode())]
    body = json.dumps({"type": "post", "nonce": info["uuid"], "body": "hello"}).encode()
    for router in (URLRouter(http_urlpatterns), URLRouter([path("talk/", URLRouter(http_urlpatterns))])):
        communicator = HttpCommunicator(router, "POST", "/talk/chatty/harbour/commands", body, headers)
        answer = await communicator.get_response(timeout=60)
        assert answer["status"] == 200, answer
        assert json.loads(answer["body"])[0]["author"]["id"] == info["uuid"]


async def check_hooks() -> None:
    """A webhook's address is under the prefix, and works by either router."""
    info: Any = (await AsyncClient().get("/talk/get_user_info.json")).json()
    headers = [(b"host", b"testserver"), (b"authorization", f"Bearer {info['token']}".encode())]
    commands = [{"type": "make", "slug": "quay", "title": "Quay"}, {"type": "make_hook", "name": "CI"}]
    routers = (URLRouter(http_urlpatterns), URLRouter([path("talk/", URLRouter(http_urlpatterns))]))
    body = json.dumps(commands).encode()
    communicator = HttpCommunicator(routers[0], "POST", "/talk/chatty/quay/commands", body, headers)
    made, hook = json.loads((await communicator.get_response(timeout=60))["body"])
    assert made["type"] == "made"
    assert hook["url"].startswith("http://testserver/talk/hooks/"), hook
    address = hook["url"].removeprefix("http://testserver")
    for router in routers:
        communicator = HttpCommunicator(router, "POST", address, b'{"text": "hello"}', headers[:1])
        answer = await communicator.get_response(timeout=60)
        assert (answer["status"], answer["body"]) == (200, b"ok"), answer


async def check_other_sockets() -> None:
    for address in ("/", "/ws/", "/ws/other/harbour", "/talk/ws/other"):
        socket = WebsocketCommunicator(AT_THE_ROOT, address)
        assert await socket.connect() == (False, 4999), address


async def main(session: str) -> None:
    from chat.rooms.registry import close_registry

    await check_pages()
    await check_rooms(session)
    await check_http()
    await check_hooks()
    await check_other_sockets()
    await close_registry()


def sign_in() -> str:
    """The session of a user of the host."""
    web = Client()
    web.force_login(get_user_model()._default_manager.create_user("dora", first_name="Dora", last_name="Fuchs"))
    return web.cookies["sessionid"].value


call_command("makemigrations", check=True)
assert admin.site.site_header == "Django administration", "the admin is the host's"
assert not logging.root.handlers, "logging is the host's"
assert not any(name.startswith("chat") and getattr(logger, "handlers", None) for name, logger in LOGGERS.items())
asyncio.run(main(sign_in()))
assert not [name for name in sys.modules if name.startswith("chatty_project")], "the application needs no project"
print("All is well.")  # noqa: T201

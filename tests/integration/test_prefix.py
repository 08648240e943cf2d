"""Stand-alone Chatty below `URL_PREFIX`, directly and behind nginx and Caddy with the lines of docs/embedding.md."""

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from tests import moderators, servers
from tests.client import Client
from tests.hosts import DOCUMENT
from tests.http_client import Requester, stream
from tests.servers import CaddyServer, ChattyServer, DevelopmentServer, NginxServer

SITE = "www.example.com"


def lines_for(language: str) -> str:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert "127.0.0.1:8000" in block
    return str(block)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChattyServer]:
    url = servers.sqlite_database(tmp_path_factory.mktemp("prefix"))
    moderators.make_moderators(url, "mo")
    with servers.chatty_server(URL_PREFIX="/talk/", DATABASE_URL=url) as server:
        yield server
        assert "Traceback" not in server.log


@pytest.fixture(scope="module", params=["direct", "nginx", "nginx-strips", "caddy"])
def origin(request: pytest.FixtureRequest, server: ChattyServer) -> Iterator[str]:
    """Where a browser finds the site."""
    if request.param == "direct":
        yield server.http_url
        return
    if request.param == "caddy":
        caddyfile = lines_for("caddyfile").replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        proxy: CaddyServer | NginxServer = CaddyServer(SITE, caddyfile)
    else:
        lines = lines_for("nginx")
        if request.param == "nginx-strips":
            lines = lines.replace("127.0.0.1:8000;", "127.0.0.1:8000/;")
        proxy = NginxServer(
            "events { worker_connections 500; }", lines.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        )
    with proxy:
        yield f"http://127.0.0.1:{proxy.port}"


@pytest.fixture
def web(origin: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=origin, trust_env=False, timeout=60) as web:
        yield web


def test_the_page_its_files_and_all_that_it_names_are_below_the_prefix(web: httpx.Client, origin: str) -> None:
    for path in ("/talk", "/talk/"):
        answer = web.get(path, follow_redirects=True)
        assert (answer.status_code, answer.url.path) == (200, "/talk/chatty")
    page = web.get("/talk/chatty/harbour").text
    own = re.findall(r'(?:href|src|data-[a-z-]+)="(/[^"]*)"', page)
    assert own
    assert all(address.startswith("/talk/") for address in own), own
    files = {address for address in own if address.startswith("/talk/static/")}
    assert all(web.get(address).status_code == 200 for address in files), files
    assert any(re.search(r"\.[0-9a-f]{12}\.", address) for address in files)
    manifest = web.get("/talk/manifest.webmanifest").json()
    assert (manifest["start_url"], manifest["scope"]) == ("/talk/chatty", "/talk/chatty")
    assert all(web.get(icon["src"]).status_code == 200 for icon in manifest["icons"])
    worker = web.get("/talk/worker.js").text.replace("\\u002D", "-").replace("\\u002F", "/")
    assert '"/talk/offline"' in worker
    for name in json.loads(re.findall(r"\[[^\]]*\.css[^\]]*\]", worker)[0]):
        assert name.startswith("/talk/static/")
        assert web.get(name).status_code == 200
    assert web.get("/talk/offline").status_code == 200
    assert web.get("/talk/Chatty/Harbour").headers["Location"] == "/talk/chatty/harbour"
    assert 'href="/talk/chatty"' in web.get("/talk/nowhere").text
    assert web.get("/talk/static/chat/img/icon.000000000000.svg").headers["Location"].startswith("/talk/static/")
    for probe in ("healthz", "readyz"):
        assert web.get(f"/talk/{probe}").status_code == 200


def test_the_description_of_the_api_names_the_prefix(web: httpx.Client) -> None:
    described = web.get("/talk/api/openapi.json").json()
    assert described["servers"] == [{"url": "/talk"}]
    assert "/chatty/{room}/events" in described["paths"]


async def test_a_member_talks_by_socket_stream_and_commands(origin: str, room: str) -> None:
    async with Client(f"{origin}/talk", "Ann", room, headers={"Origin": origin}) as ann:
        assert ann.socket.request is not None
        assert ann.socket.request.path == f"/talk/ws/chatty/{room}"
        async with Requester(f"{origin}/talk", room) as bob, stream(bob) as listener:
            await listener.next("welcome")
            await bob.post("by a request", session=False)
            assert (await ann.next("message"))["body"] == "by a request"
            await ann.post("by a socket")
            assert (await listener.next("message", lambda event: event["seq"] == 2))["body"] == "by a socket"


async def test_a_webhooks_address_is_below_the_prefix(origin: str) -> None:
    slug = f"room-{uuid.uuid4().hex[:8]}"
    async with Requester(f"{origin}/talk", slug) as ann:
        commands = [{"type": "make", "slug": slug, "title": "Quay"}, {"type": "make_hook", "name": "CI"}]
        _, made = (await ann.command(commands, session=False)).json()
        assert made["url"].startswith(f"{origin}/talk/hooks/")
        assert (await ann.http.post(made["url"], json={"text": "hello"})).text == "ok"


def test_moderators_sign_in_below_the_prefix_with_cookies_of_its_own(origin: str) -> None:
    with closing(moderators.sign_in(f"{origin}/talk", "mo", "/talk")) as browser:
        assert browser.get("/admin/chat/room/").status_code == 200
        assert {(cookie.name, cookie.path) for cookie in browser.cookies.jar} == {
            ("chatty_session", "/talk/"),
            ("chatty_csrf", "/talk/"),
            ("chatty_signed_in", "/talk/admin/login/"),
        }
        answer = browser.get("/admin/chat/room")
        assert answer.headers["Location"] == "/talk/admin/chat/room/"


def test_a_platforms_probe_may_leave_the_prefix_out(server: ChattyServer) -> None:
    for path in ("/healthz", "/talk/healthz"):
        assert httpx.get(f"{server.http_url}{path}", trust_env=False, timeout=60).status_code == 200


def test_with_https_redirects_keep_the_prefix_and_probes_get_none() -> None:
    with servers.chatty_server(URL_PREFIX="/talk/", HTTPS="true") as server:
        for path in ("/chatty", "/talk/chatty"):
            answer = httpx.get(f"{server.http_url}{path}", trust_env=False, timeout=60)
            assert answer.headers["Location"] == f"https://127.0.0.1:{server.port}/talk/chatty"
        for path in ("/healthz", "/talk/healthz"):
            assert httpx.get(f"{server.http_url}{path}", trust_env=False, timeout=60).status_code == 200


async def test_in_development_it_is_the_same(room: str) -> None:
    with DevelopmentServer(DEBUG="true", ALLOWED_HOSTS="127.0.0.1", URL_PREFIX="/talk") as server:
        async with httpx.AsyncClient(base_url=server.http_url, trust_env=False, timeout=60) as web:
            page = (await web.get(f"/talk/chatty/{room}")).text
            (style, *_) = re.findall(r'href="(/talk/static/[^"]*\.css)"', page)
            assert (await web.get(style)).status_code == 200
        async with Client(f"{server.http_url}/talk", "Ann", room) as ann:
            await ann.post("hello")
        assert f"Chatty is running: http://127.0.0.1:{server.port}/talk/chatty" in server.log

"""The site of docs/embedding.md, with its own code in the rooms: with Daphne on SQLite, and uvicorn on PostgreSQL."""

import asyncio
import re
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client import Client, Event
from tests.hosts import Host, HostServer, code_for
from tests.http_client import Requester, stream
from tests.servers import PostgresServer, RedisServer, all_of

COURSE = "course-"
VIEWS = """
from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpResponse
from chat import api
from mysite import courses

def user(request):
    return get_user_model().objects.get(username=request.GET["name"])

def enrol(request, course):
    courses.enrol(user(request), course)
    return HttpResponse("ok")

@transaction.atomic
def undo(request, course):
    courses.enrol(user(request), course)
    transaction.set_rollback(True)
    return HttpResponse("ok")

async def remind(request, course):
    member = await get_user_model().objects.aget(username=request.GET["name"])
    return HttpResponse(str(await courses.remind(course, member, request.GET["text"])))
"""
URLS = """
from mysite import views
urlpatterns += [
    path("enrol/<course>", views.enrol), path("undo/<course>", views.undo), path("remind/<course>", views.remind),
]
"""


class UvicornHost(HostServer):
    name = "host-uvicorn"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "uvicorn", "mysite.asgi:application", "--port", str(self.port)]


class Site:
    """A project, its servers, and two of its users: dora and emil."""

    def __init__(self, host: Host, servers: list[HostServer]) -> None:
        self.host = host
        self.servers = servers
        self.sessions = {name: host.sign_in(name, f"{name.title()} Fuchs") for name in ("dora", "emil")}

    def member(self, name: str, room: str, on: int = 0) -> Client:
        """A browser that is signed in, on the first or the last server."""
        return SignedIn(f"{self.servers[on].url}/talk", name, room, headers=self.cookie(name))

    def cookie(self, name: str) -> dict[str, str]:
        return {"Cookie": f"sessionid={self.sessions[name]}"}

    async def get(self, path: str, **query: str) -> str:
        """What a page of the site answers, which its first server runs."""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as web:
            answer = await web.get(f"{self.servers[0].url}/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def shell(self, code: str) -> str:
        """Runs code in another process, as a command or a task queue's worker does."""
        return await asyncio.to_thread(self.host.manage, "shell", "-v", "0", "-c", code)


class SignedIn(Client):
    """The session of the handshake says who it is, whatever token it has."""

    async def join(self, since: dict[str, Any] | None = None, **fields: Any) -> Event:
        welcome = await super().join(since, **fields)
        self.id = welcome["me"]["id"]
        return welcome


async def until_bye(poller: Requester) -> Event:
    """Polls until the server has ended the session."""
    while True:
        for event in await poller.poll():
            if event["type"] == "bye":
                return event


def make_host(folder: Path, settings: str = "") -> Host:
    host = Host(folder / "project", settings="")
    host.append("settings", settings + '\nINSTALLED_APPS.append("mysite.apps.SiteConfig")\n')
    chatty = code_for("mysite/settings.py, for people and rooms of your own").replace("CHATTY = {", "CHATTY |= {")
    host.append("settings", "CHATTY = globals().get('CHATTY', {})\n" + chatty)
    for name in ("people", "courses", "apps", "receivers"):
        (host.folder / "mysite" / f"{name}.py").write_text(code_for(f"mysite/{name}.py"))
    (host.folder / "mysite" / "views.py").write_text(VIEWS)
    host.append("urls", URLS)
    host.manage("migrate")
    return host


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Daphne with SQLite, and two uvicorns with PostgreSQL and Redis."""
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        if request.param == "daphne":
            host = make_host(folder, code_for("mysite/settings.py, for SQLite"))
            servers = [HostServer(host)]
        else:
            postgres: PostgresServer = request.getfixturevalue("postgres_server")
            redis: RedisServer = request.getfixturevalue("redis_server")
            name = postgres.create_database().rpartition("/")[2]
            database = {"ENGINE": "django.db.backends.postgresql", "NAME": name, "USER": "chatty"}
            database |= {"HOST": "127.0.0.1", "PORT": str(postgres.port)}
            several = code_for("mysite/settings.py, for several processes")
            several = several.replace("redis://127.0.0.1:6379/0", redis.url)
            host = make_host(folder, f"DATABASES = {{'default': {database!r}}}\n{several}")
            servers = [UvicornHost(host), UvicornHost(host)]
        stack.enter_context(all_of(*servers))
        yield Site(host, servers)
        assert "Traceback" not in "".join(server.log for server in servers)


@pytest.fixture
def course() -> str:
    return f"{COURSE}{uuid.uuid4().hex[:8]}"


async def test_the_page_and_its_identity_are_there(site: Site) -> None:
    page = await site.get("talk/chatty/support")
    assert "/talk/chatty" in page
    assert 'lang="en-us"' in page, "the host has no LocaleMiddleware"
    if len(site.servers) == 1:  # Under uvicorn, a proxy serves the static files.
        async with httpx.AsyncClient(base_url=site.servers[0].url, trust_env=False, timeout=60) as web:
            addresses = set(re.findall(r'(?:href|src)="(/static/[^"]*)"', page))
            assert len(addresses) > 100
            for address in addresses:
                assert (await web.get(address)).status_code == 200, address
    info = await site.get("talk/get_user_info.json")
    assert "/talk/ws/chatty" in info


async def test_a_guest_joins_and_posts_below_the_prefix(site: Site) -> None:
    url = site.servers[0].url
    for origin in ({}, {"Origin": url}):
        async with Client(f"{url}/talk", "Ann", f"room-{uuid.uuid4().hex[:8]}", headers=origin) as ann:
            assert (await ann.post("hello"))["body"] == "hello"


async def test_a_page_of_another_site_gets_no_socket(site: Site) -> None:
    with pytest.raises(Exception, match="HTTP 403"):
        await Client(f"{site.servers[0].url}/talk", headers={"Origin": "https://evil.example"}).open()


async def test_members_everywhere_see_at_once_what_views_and_other_processes_post(site: Site, course: str) -> None:
    await site.get(f"enrol/{course}", name="dora")
    await site.get(f"enrol/{course}", name="emil")
    async with site.member("dora", course) as dora, site.member("emil", course, on=-1) as emil:
        assert dora.bodies == ["I have joined the course."] * 2
        await dora.until(lambda client: client.online == 2, "both")
        assert await site.get(f"remind/{course}", name="emil", text="from a view") == "2"
        code = f"from chat import api\nassert len(api.members({course!r})) == {2 if len(site.servers) > 1 else 0}\n"
        await site.shell(code + f"print(api.post({course!r}, 'dora', 'from a command').seq)")
        await site.get(f"undo/{course}", name="dora")
        await emil.post("from a member")
        for member in (dora, emil):
            await member.until(lambda client: len(client.bodies) == 5, "all messages")
            assert member.bodies[2:] == ["from a view", "from a command", "from a member"]
            assert member.head == 5
            assert [message["author"]["name"] for message in member.messages.values()][2:4] == [
                "Emil Fuchs",
                "Dora Fuchs",
            ]


async def test_who_may_no_longer_be_there_is_disconnected_on_all_servers_from_sockets_and_http(
    site: Site, course: str
) -> None:
    for name in ("dora", "emil"):
        await site.get(f"enrol/{course}", name=name)
    async with (
        site.member("dora", course) as one,
        site.member("dora", course, on=-1) as other,
        site.member("emil", course, on=-1) as emil,
    ):
        async with (
            Requester(f"{site.servers[-1].url}/talk", course, **site.cookie("dora")) as requester,
            Requester(f"{site.servers[0].url}/talk", course, **site.cookie("dora")) as poller,
            stream(requester) as listener,
        ):
            await listener.next("welcome")
            assert (await poller.poll())[0]["type"] == "welcome"
            polls = asyncio.create_task(until_bye(poller))
            expel = "from mysite.courses import expel; from django.contrib.auth.models import User\n"
            await site.shell(f"{expel}expel(User.objects.get(username='dora'), {course!r})")
            assert await one.closed() == await other.closed() == 4404
            assert (await listener.next("bye"))["code"] == 4404
            assert (await polls)["code"] == 4404
            refused = await poller.http.get(f"{poller.base}/events", params={"poll": "1", "session": poller.session})
            assert (refused.status_code, refused.json()[0]["code"]) == (404, 4404)
        assert (await emil.post("I am still here"))["seq"] == 3
        with pytest.raises(ConnectionError):
            await site.member("dora", course).__aenter__()


async def test_the_sites_receivers_are_told_in_the_process_that_did_it(site: Site, course: str) -> None:
    await site.get(f"enrol/{course}", name="dora")
    output = await site.shell(f"from chat import api; api.post({course!r}, 'dora', 'from a command')")
    assert f"Dora Fuchs wrote message 2 in {course}" in output
    async with site.member("dora", course, on=-1) as dora:
        await dora.post("from a member")
        expected = {f"dora came into {course}", f"dora wrote message 3 in {course}"}
        async with asyncio.timeout(60):
            while not all(line in site.servers[-1].log for line in expected):
                await asyncio.sleep(0.05)
        log: Any = "".join(server.log for server in site.servers)
        assert log.count(f"wrote message 3 in {course}") == 1
        assert log.count(f"wrote message 2 in {course}") == 0

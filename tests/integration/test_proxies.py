"""Requests through nginx with the README's configuration, from other pages, to wrong addresses, with odd headers."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from chatty_project.http import HEAD_BYTES
from tests import servers
from tests.client import Client
from tests.servers import ChattyServer, NginxServer

NAME = "chat.example.test"


@pytest.fixture(scope="module")
def server() -> Iterator[ChattyServer]:
    with servers.chatty_server(ALLOWED_HOSTS=f"127.0.0.1,localhost,{NAME}") as server:
        yield server
        assert "Traceback" not in server.log


def get(server: ChattyServer, path: str, language: str = "en", **headers: str) -> httpx.Response:
    headers = {"Accept-Language": language, **headers}
    return httpx.get(f"{server.http_url}{path}", headers=headers, timeout=30, trust_env=False)


# nginx.


def readme_lines() -> tuple[str, str]:
    """The README's lines for nginx: those of its main part, and those of a server."""
    blocks = re.findall(r"```nginx\n(.*?)```", (servers.ROOT / "README.md").read_text(), re.DOTALL)
    (main,) = [block for block in blocks if "worker_connections" in block]
    (server,) = [block for block in blocks if "proxy_pass" in block]
    return main, server


@pytest.fixture(scope="module")
def nginx(server: ChattyServer) -> Iterator[NginxServer]:
    main, lines = readme_lines()
    assert "127.0.0.1:8000" in lines
    with NginxServer(main, lines.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")) as nginx:
        yield nginx


async def test_through_nginx_on_any_port_the_page_and_its_socket_work(
    server: ChattyServer, nginx: NginxServer, room: str
) -> None:
    address = f"http://127.0.0.1:{nginx.port}"
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        assert (await http.get(f"{address}/chatty/{room}")).status_code == 200
    async with Client(address, "Ann", room, headers={"Origin": address}) as ann:
        await ann.post("through nginx")
        assert ann.socket.request is not None
        assert ann.socket.request.headers["Host"] == f"127.0.0.1:{nginx.port}"


async def test_through_nginx_under_a_name_the_socket_is_the_pages(nginx: NginxServer, room: str) -> None:
    host = f"{NAME}:{nginx.port}"
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        info = await http.get(f"http://127.0.0.1:{nginx.port}/get_user_info.json", headers={"Host": host})
    assert info.json()["socketURL"] == f"ws://{host}/ws/chatty"
    url = f"ws://{host}/ws/chatty/{room}"
    async with connect(url, host="127.0.0.1", port=nginx.port, origin=f"http://{host}", proxy=None) as opened:  # type: ignore[arg-type]
        assert opened.response is not None
        assert opened.response.status_code == 101


def test_nginx_takes_the_lines_that_allow_more_than_its_768_connections(nginx: NginxServer) -> None:
    assert int(re.findall(r"worker_connections (\d+)", readme_lines()[0])[0]) >= 10_000
    assert "emerg" not in nginx.log
    assert "exceed" not in nginx.log  # Than files may be open.


# Other pages.


async def refused_socket(server: ChattyServer, origin: str, host: str = "") -> None:
    parts = urlsplit(server.ws_url)
    url = f"ws://{host or parts.netloc}{parts.path}/lobby"
    with pytest.raises(InvalidStatus, match="403"):
        await connect(url, host="127.0.0.1", port=server.port, origin=origin, proxy=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "host", "said"),
    [
        ({}, "", r"one of http\(s\)://127.0.0.1:\d+, by the Host header \(a proxy must hand it on with its port\)"),
        ({}, "other.example", r"a Host header of ALLOWED_HOSTS, but it is 'other.example'"),
        ({"ALLOWED_ORIGINS": "https://a.example"}, "", r"one of ALLOWED_ORIGINS, https://a.example"),
    ],
    ids=["port", "host", "origins"],
)
async def test_a_refused_page_leaves_one_line_a_minute_that_names_both_sides(
    chatty_server: Callable[..., ChattyServer], settings: dict[str, str], host: str, said: str
) -> None:
    server = chatty_server(**settings)
    for _ in range(3):
        await refused_socket(server, "http://127.0.0.1:1", host)
    lines = [line for line in server.log.splitlines() if "chat.web.origin" in line]
    assert len(lines) == 1
    refused = rf"A socket was refused to a page of 'http://127.0.0.1:1'; expected {said}"
    assert re.search(rf"warning chat.web.origin \[socket-[\d-]+\]: {refused}$", lines[0])


async def test_a_page_and_a_host_in_capitals_are_the_same(server: ChattyServer) -> None:
    url = f"ws://LOCALHOST:{server.port}/ws/chatty/lobby"
    async with connect(url, host="127.0.0.1", origin=f"http://LocalHost:{server.port}", proxy=None) as opened:  # type: ignore[arg-type]
        assert opened.response is not None


# Headers.


@pytest.mark.parametrize("scheme", ["https", "HTTPS", "Https", "https, http"])
def test_a_proxys_scheme_counts_in_whatever_case(chatty_server: Callable[..., ChattyServer], scheme: str) -> None:
    server = chatty_server(HTTPS="true")
    assert get(server, "/chatty", **{"X-Forwarded-Proto": scheme}).status_code == 200
    info = get(server, "/get_user_info.json", **{"X-Forwarded-Proto": scheme})
    assert info.json()["socketURL"].startswith("wss://")
    assert get(server, "/chatty", **{"X-Forwarded-Proto": "HTTP"}).status_code == 301


def answer_to_head(server: ChattyServer, size: int, before: bytes = b"", after: bytes = b"") -> bytes:
    """The status line for a request whose head has `size` bytes, sent in one piece."""
    start = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\nX: ".encode()
    head = start + b"x" * (size - len(start) - 4) + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as plain:
        plain.sendall(before + head + after)
        received = b""
        while chunk := plain.recv(65_536):
            received += chunk
    return received


@pytest.mark.parametrize(
    ("size", "status"), [(HEAD_BYTES, b"200 OK"), (HEAD_BYTES + 1, b"431 "), (70_000, b"431 "), (200_000, b"431 ")]
)
def test_a_head_over_64_kib_is_refused_also_where_it_comes_in_one_piece(
    server: ChattyServer, size: int, status: bytes
) -> None:
    assert answer_to_head(server, size).startswith(b"HTTP/1.1 " + status)


def test_a_second_request_in_the_same_piece_has_a_limit_of_its_own(server: ChattyServer) -> None:
    first = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    assert b"HTTP/1.1 431 " in answer_to_head(server, 70_000, before=first)


# Wrong addresses.


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/chatty/Team-A", "/chatty/team-a"),
        ("/chatty/TEAM-A/?from=abc&is=Me", "/chatty/team-a?from=abc&is=Me"),
        ("/Chatty", "/chatty"),
        ("/CHATTY/lobby", "/chatty/lobby"),
    ],
)
def test_an_address_with_capitals_leads_to_the_room(server: ChattyServer, path: str, leads_to: str) -> None:
    answer = get(server, path)
    assert (answer.status_code, answer.headers["location"]) == (302, leads_to)


@pytest.mark.parametrize("development", [False, True], ids=["production", "development"])
@pytest.mark.parametrize("path", ["/chatty/team_a", "/chatty/Größe", "/chatty/a/b", f"/chatty/{'a' * 51}"])
def test_what_is_no_rooms_address_shows_a_page_that_leads_on(
    server: ChattyServer, development_server: ChattyServer, path: str, development: bool
) -> None:
    answer = get(development_server if development else server, path)
    assert answer.status_code == 404
    assert "Page not found" in answer.text
    assert 'href="/chatty"' in answer.text


@pytest.fixture(scope="module")
def development_server() -> Iterator[ChattyServer]:
    with servers.DevelopmentServer(DEBUG="true", ALLOWED_HOSTS="127.0.0.1") as server:
        yield server


ERRORS: list[tuple[str, dict[str, str], int, str, str]] = [
    ("/nowhere", {}, 404, "Page not found", "Seite nicht gefunden"),
    ("/chatty", {"Host": "x.example"}, 400, "Invalid request", "Ungültige Anfrage"),
]


@pytest.mark.parametrize(("path", "headers", "status", "english", "german"), ERRORS)
def test_errors_have_a_page_of_chattys_own_in_the_readers_language(
    server: ChattyServer, path: str, headers: dict[str, str], status: int, english: str, german: str
) -> None:
    for language, words in (("en", english), ("de", german)):
        answer = get(server, path, language, **headers)
        assert answer.status_code == status
        assert words in answer.text.replace("&#x27;", "'")
        assert answer.headers["content-language"] == language
        assert "no-cache" in answer.headers["cache-control"]
        assert {"Accept-Language", "Cookie"} <= set(answer.headers["vary"].split(", "))
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert not re.search(r"<style|style=|<script>| on\w+=", answer.text)


def test_a_form_without_its_token_gets_chattys_page(server: ChattyServer) -> None:
    answer = httpx.post(f"{server.http_url}/admin/login/", data={"username": "x"}, trust_env=False, timeout=60)
    assert answer.status_code == 403
    assert "This form has expired" in answer.text


def test_an_error_of_ours_gets_chattys_page_and_one_call_stack_in_the_log(tmp_path: Path) -> None:
    url = servers.sqlite_database(tmp_path)
    with servers.chatty_server(DATABASE_URL=url) as server:
        Path(url.removeprefix("sqlite:///")).write_bytes(b"no database" * 1000)
        answer = get(server, "/admin/", Cookie="sessionid=abcdefghijabcdefghijabcdefghijab")
        assert answer.status_code == 500
        assert "Something went wrong on the server" in answer.text
        assert server.log.count("Traceback") >= 1

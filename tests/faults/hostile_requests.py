"""Invalid HTTP requests and opening handshakes, each with its correct answers."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.faults.wire import handshake

REFUSED = range(400, 500)
SERVED = range(200, 500)  # It may well be understood; what counts is that it is no error of the server's.

ENDPOINTS = (
    *("/", "/chatty", "/chatty/lobby", "/get_user_info", "/get_user_info.json", "/healthz", "/readyz"),
    *("/static/chat/js/app/main.js", "/static/none.js", "/ws/chatty/lobby", "/none"),
)
WRONG_METHODS = ("POST", "PUT", "PATCH", "DELETE", "PROPFIND", "MKCOL", "LOCK", "SUBSCRIBE", "SEARCH", "REPORT")
ODD_PATHS = (
    *("/chatty/%00", "/chatty/%", "/chatty/%zz", "/chatty/%e2%82", "/chatty/%ff%fe", "/chatty/..%2f..%2fetc%2fpasswd"),
    *(
        "/chatty/../../etc/passwd",
        "/chatty/L_BBY",
        "/chatty/a%0d%0aSet-Cookie:x",
        "/chatty/%F0%9F%98%80",
        "/chatty/" + "a" * 51,
    ),
    *(
        "/static/../manage.py",
        "/static/%2e%2e/manage.py",
        "/static/%00",
        "/static/" + "a/" * 2_000,
        "/static/" + "a" * 300,
    ),
    *(
        "/static//etc/passwd",
        "/static/\\..\\..",
        "//chatty",
        "/chatty//",
        "/;",
        "/chatty;x=1/y",
        "/%2e%2e/%2e%2e/",
        "/.git/config",
    ),
    *("/chatty/" + "%41" * 20_000, "/" + "a" * 65_536, "/none?" + "&a=1" * 16_000, "/none?%", "/none?\x01"),
    *(
        "/ws/chatty/%00",
        "/ws/chatty/" + "a" * 60_000,
        "/ws/chatty/a/b",
        "/ws/chatty/%ff",
        "/ws/chatty/LOBBY",
        "/ws/chatty",
    ),
)
ODD_HEADERS = (
    *(
        "Origin: null",
        "Origin: http://evil.example",
        "Origin: http://[",
        "Origin: http://127.0.0.1:99999",
        "Origin:",
        "Origin: \xff",
    ),
    *(
        "Origin: " + "x" * 60_000,
        "Origin: http://127.0.0.1:x",
        "Origin: //",
        "Origin: javascript:alert(1)",
        "Origin: http://\u0131",
    ),
    *(
        "Sec-WebSocket-Protocol: " + ",".join("abcdefg"),
        "Sec-WebSocket-Protocol: ,,,\xff",
        "Sec-WebSocket-Extensions: x; y=\xff",
    ),
    *("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99", "Sec-WebSocket-Extensions: ;;;,=,"),
    *(
        "Sec-WebSocket-Key: x",
        "Sec-WebSocket-Version: 12",
        "Upgrade: h2c",
        "Connection: close",
        "Host: evil.example",
        "Content-Length: 5",
    ),
    *(
        "Transfer-Encoding: chunked",
        "Cookie: " + "a=b;" * 5_000,
        "X-Forwarded-For: \xff",
        "X-Forwarded-Proto: gopher",
        "Expect: 100-continue",
    ),
    *(
        "Authorization: Bearer " + "x" * 30_000,
        "Authorization: \xff\xfe",
        "Range: bytes=0-,5-,9-",
        "If-Modified-Since: never",
    ),
    *("Accept-Encoding: \xff", "If-None-Match: \xff", "X: " + "y" * 60_000, "x" * 60_000 + ": y"),
)
ODD_HOSTS = (
    "",
    "evil.example",
    "127.0.0.1:x",
    "[::1",
    "\xff",
    "a" * 5_000,
    "127.0.0.1, evil",
    "@",
    "http://x",
    "::",
)


@dataclass(frozen=True)
class Attempt:
    """What to send, and the statuses that answer it rightly. `may_be_silent`: or none, the server closes or waits."""

    name: str
    wire: bytes
    right: range
    may_be_silent: bool = False

    def is_right(self, status: int | None) -> bool:
        return self.may_be_silent if status is None else status in self.right


def request(method: str, path: str, *headers: str, host: str | None = "127.0.0.1", body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *([] if host is None else [f"Host: {host}"]), *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


def attempts() -> Iterator[Attempt]:
    """Each of them once."""
    for path in ENDPOINTS:
        for method in WRONG_METHODS:
            yield Attempt(f"{method} {path}", request(method, path, body=b"x=1"), REFUSED)
        yield Attempt(f"BREW {path}", request("BREW", path), REFUSED)
        yield Attempt(f"TRACE {path}", request("TRACE", path), REFUSED)
        yield Attempt(f"HEAD {path}", request("HEAD", path), SERVED)
        yield Attempt(f"OPTIONS {path}", request("OPTIONS", path), SERVED)
    for path in ODD_PATHS:
        yield Attempt(f"GET {path[:40]}", request("GET", path), REFUSED)
    for header in ODD_HEADERS:
        for path in ("/get_user_info.json", "/static/none.js", "/chatty"):
            yield Attempt(f"GET {path} with {header[:40]}", request("GET", path, header), SERVED, may_be_silent=True)
    for host in ODD_HOSTS:
        yield Attempt(f"Host {host[:40]}", request("GET", "/get_user_info.json", host=host), REFUSED)
    yield Attempt("a port too high", request("GET", "/get_user_info.json", host="127.0.0.1:99999"), SERVED)
    yield Attempt("two hosts", request("GET", "/get_user_info.json", "Host: evil.example"), REFUSED)
    yield Attempt(
        "many headers", request("GET", "/get_user_info", *(f"X-{n}: {n}" for n in range(5_000))), SERVED, True
    )
    yield Attempt("one header often", request("GET", "/healthz", *["X: y"] * 5_000), SERVED, True)
    yield from _malformed()
    yield from _handshakes()


def _malformed() -> Iterator[Attempt]:
    wires = {
        "HTTP/0.9": b"GET /\r\n\r\n",
        "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
        "only line ends": b"\r\n" * 1_000 + b"x\r\n\r\n",
        "NULs": bytes(100) + b"\r\n\r\n",
        "high bytes": bytes(range(128, 256)) + b"\r\n\r\n",
        "high bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "a NUL in a header": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\0b\r\n\r\n",
        "a folded header": b"GET /none HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\r\n b\r\n\r\n",
        "a header without a name": b"GET /none HTTP/1.1\r\nHost: 127.0.0.1\r\n: a\r\n\r\n",
        "a header without a colon": b"GET /none HTTP/1.1\r\nHost: 127.0.0.1\r\nabc\r\n\r\n",
        "HTTP/9.9": b"GET /none HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
        "lines without CR": b"GET /none HTTP/1.1\nHost: 127.0.0.1\n\n",
        "an absolute URI": b"GET http://127.0.0.1/none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "a foreign absolute URI": b"GET http://evil.example/none HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "CONNECT": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "two lengths": b"POST /none HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "a length and chunks": b"POST /none HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a negative length": b"POST /none HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        "a huge length": b"POST /none HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n",
        "a bad chunk": b"POST /none HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        "rubbish behind a request": b"GET /none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + b"\xff\0rubbish" * 100,
        "a hundred requests at once": b"GET /none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 100,
    }
    for name, wire in wires.items():
        yield Attempt(name, wire, SERVED if name == "HTTP/0.9" else REFUSED, may_be_silent=True)


def _handshakes() -> Iterator[Attempt]:
    good = handshake("/ws/chatty/lobby")
    upgraded = range(101, 102)
    for header in ODD_HEADERS:
        wire = handshake("/ws/chatty/lobby").replace(
            b"\r\n\r\n", b"\r\n" + header.encode("latin-1", "replace") + b"\r\n\r\n"
        )
        yield Attempt(f"handshake with {header[:40]}", wire, range(101, 500), may_be_silent=True)
    for line in good.split(b"\r\n")[1:-2]:
        name = line.split(b":")[0].decode()
        without = good.replace(line + b"\r\n", b"")
        expected = SERVED if name in ("Upgrade", "Connection") else range(101, 500) if name == "Host" else REFUSED
        yield Attempt(f"handshake without {name}", without, expected, may_be_silent=name == "Host")
        yield Attempt(f"handshake with {name} twice", good.replace(line, line + b"\r\n" + line), range(101, 500))
        garbled = good.replace(line, name.encode() + b": \x80\xff!")
        yield Attempt(f"handshake with {name} garbled", garbled, range(101, 500))
    for method in (b"POST", b"HEAD", b"PUT", b"OPTIONS"):
        yield Attempt(f"handshake by {method.decode()}", good.replace(b"GET", method), REFUSED)
    yield Attempt("handshake in HTTP/1.0", good.replace(b"HTTP/1.1", b"HTTP/1.0"), range(101, 500))
    yield Attempt(
        "handshake with a body", good.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc"), range(101, 500)
    )
    for count in (200, 5_000):
        wire = handshake("/ws/chatty/x", *(f"X-{n}: y" for n in range(count)))
        yield Attempt(f"handshake with {count} headers", wire, REFUSED)
    yield Attempt("handshake with a long path", handshake("/ws/chatty/" + "x" * 20_000), REFUSED)
    high = good.replace(b"/lobby", b"/\xff\xfe")
    yield Attempt("handshake with high bytes in the path", high, REFUSED, may_be_silent=True)
    for path in (
        "/ws/chatty/%00",
        "/ws/chatty/%ff",
        "/ws/chatty/LOBBY",
        "/ws/chatty/a/b",
        "/",
        "/chatty",
        "*",
        "//",
        "/ws/chatty/%zz",
    ):
        yield Attempt(f"handshake for {path}", handshake(path), range(101, 500))  # 4404 follows.
    yield Attempt("handshake, right", good, upgraded)


def mangled(chance: random.Random, paths: Sequence[str] = ENDPOINTS) -> Attempt:
    """A right request or handshake with some bytes changed, cut or doubled."""
    path = chance.choice(paths)
    right = chance.choice((request("GET", path), request("POST", path, body=b"abc"), handshake("/ws/chatty/lobby")))
    wire = mangle(chance, right)
    return Attempt(f"mangled {wire!r}", wire + b"\r\n\r\n", range(101, 500), may_be_silent=True)


def mangle(chance: random.Random, right: bytes) -> bytes:
    """These bytes with some of them changed, cut or doubled."""
    wire = bytearray(right)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(wire))
        match chance.randrange(4):
            case 0:
                wire[at] ^= 1 << chance.randrange(8)
            case 1:
                del wire[at : at + chance.randint(1, 5)]
            case 2:
                wire[at:at] = chance.randbytes(chance.randint(1, 8))
            case 3:
                wire[at:at] = wire[at : at + 40]
    return bytes(wire)

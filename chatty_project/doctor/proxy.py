"""The way through the proxies, from the public address to Chatty: host, scheme, addresses, sockets and streams."""

import asyncio
import time
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from chat.web import reflection
from chatty_project import env
from chatty_project.doctor.findings import Finding, ok, problem, warning

ANSWER_SECONDS = 10
STREAM_SECONDS = 10  # A stream has something every 4 s. A proxy that collects passes the first bytes on at most.
APART_SECONDS = 1  # Between the first bytes and something that came later.
FORGED = "203.0.113.77"  # An address for documentation (RFC 5737): nobody has it.
ROOM = "chatty-doctor"  # Listening to it writes nothing.


async def look(url: str, environment: env.Environment) -> list[Finding]:
    """The findings about the public address `url`, such as https://chat.example.com."""
    base = url.rstrip("/")
    headers = {reflection.HEADER: reflection.sign(), "X-Forwarded-For": FORGED}
    async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS, headers=headers) as http:
        try:
            answer = await http.get(f"{base}/doctor")
        except httpx.HTTPError as error:
            return [
                problem("proxy", f"{base} can't be reached ({error or type(error).__name__}); expected --url's server")
            ]
        if answer.status_code != 200:
            return [problem("proxy", _why_not(base, answer, environment))]
        try:
            seen = answer.json()
            found = [*_names(base, seen, environment), *_addresses(base, seen, environment)]
        except (ValueError, KeyError):
            return [problem("proxy", f"{base}/doctor isn't Chatty's answer; expected the proxy to pass all paths on")]
        found += [*await _socket(http, base), *await _stream(http, base)]
    return found or [ok("proxy", f"{base}: host, scheme, addresses, WebSockets and streams come through")]


def _why_not(base: str, answer: httpx.Response, environment: env.Environment) -> str:
    status, to = answer.status_code, answer.headers.get("Location", "")
    if to and urlsplit(to)[1:3] == urlsplit(f"{base}/doctor")[1:3] and environment[env.HTTPS]:
        return f"{base} redirects to {to} without end or over HTTP; let the proxy set X-Forwarded-Proto to https"
    if status == 400:
        host = urlsplit(base).hostname
        return f"{base} is answered with 400; add {host} to ALLOWED_HOSTS and let the proxy pass Host on"
    if status == 404:
        return f"{base} isn't this Chatty; expected the same SECRET_KEY there, and URL_PREFIX in the URL"
    return f"{base} answers {status}; expected that Chatty runs and that the proxy leads to its HOST and PORT"


def _names(base: str, seen: dict[str, Any], environment: env.Environment) -> list[Finding]:
    wanted, found = urlsplit(base), []
    if seen["host"].lower() != wanted.netloc.lower():
        words = f"Chatty sees the host {seen['host']}, not {wanted.netloc}; let the proxy pass Host on, with its port"
        found.append(problem("proxy", words))
    if seen["scheme"] != wanted.scheme:
        cure = "let the proxy set X-Forwarded-Proto" if environment[env.HTTPS] else "set HTTPS=true"
        found.append(problem("proxy", f"Chatty sees {seen['scheme']}, not {wanted.scheme}; {cure}"))
    return found


def _addresses(base: str, seen: dict[str, Any], environment: env.Environment) -> list[Finding]:
    peer, is_direct = seen["peer"], seen["forwarded_for"] == FORGED
    is_trusted = any(ip_address(peer) in network for network in environment[env.TRUSTED_PROXIES])
    if is_direct and is_trusted and not env.is_loopback(urlsplit(base).hostname or ""):
        words = f"Clients can forge their address: {peer} passes their X-Forwarded-For on; let the proxy replace it"
        return [problem("proxy", words)]
    if not is_direct and not is_trusted:
        words = f"All people seem to be at {peer} and share its limits; add it to TRUSTED_PROXIES if it is your proxy"
        return [warning("proxy", words)]
    return []


async def _socket(http: httpx.AsyncClient, base: str) -> list[Finding]:
    info = await _identity(http, base)
    try:
        async with connect(f"{info['socketURL']}/{ROOM}", proxy=None, open_timeout=ANSWER_SECONDS):
            return []
    except (InvalidHandshake, WebSocketException, OSError, TimeoutError) as error:
        words = f"No WebSocket comes through ({error}); let the proxy pass Upgrade and Connection on"
        return [warning("proxy", f"{words}, or pages fall back to streams")]


async def _stream(http: httpx.AsyncClient, base: str) -> list[Finding]:
    info = await _identity(http, base)
    try:
        async with (
            asyncio.timeout(STREAM_SECONDS),
            http.stream(
                "GET",
                f"{info['httpURL']}/{ROOM}/events",
                params={"session": "00000000-0000-4000-8000-000000000000"},
                headers={"Authorization": f"Bearer {info['token']}"},
            ) as answer,
        ):
            first_at = None
            async for _ in answer.aiter_bytes():
                first_at = first_at or time.monotonic()
                if time.monotonic() - first_at > APART_SECONDS:
                    return []
    except (TimeoutError, httpx.HTTPError):
        pass
    words = "A stream's events are held back: turn buffering and compression off for text/event-stream in the proxy"
    return [warning("proxy", f"{words}, or pages without WebSockets poll")]


async def _identity(http: httpx.AsyncClient, base: str) -> dict[str, str]:
    answer = await http.get(f"{base}/get_user_info.json")
    info: dict[str, str] = answer.json()
    return info

"""Proxies in front of Chatty: nginx, Caddy and HAProxy."""

import os
import signal
import socket
from typing import Any

import httpx

from tests.servers.chatty import ChattyServer
from tests.servers.machine import program
from tests.servers.process import Server


class NginxServer(Server):
    """nginx in front of a server, with the lines of the README: those of its main part, and those of a server."""

    name = "nginx"
    kill_signal = signal.SIGTERM  # At once, too; its worker would outlive SIGKILL.

    def __init__(self, main: str, server: str) -> None:
        super().__init__()
        temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "\n".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in temporary)
        user = "user root;" if os.getuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(
            f"daemon off;\npid {self.folder}/pid;\n{user}\n{main}\n"
            f"http {{\naccess_log off;\n{paths}\nserver {{\nlisten 127.0.0.1:{self.port};\n{server}\n}}\n}}\n"
        )

    def command(self) -> list[str]:
        binary = program("nginx", "nginx", "/usr/sbin", "/usr/local/sbin")
        return [binary, "-p", str(self.folder), "-e", "stderr", "-c", str(self.folder / "nginx.conf")]

    def is_ready(self) -> bool:
        try:
            httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5, trust_env=False)
        except httpx.TransportError:
            return False
        return True


class CaddyServer(Server):
    """Caddy with this Caddyfile, in which `site` is the address of its one site: here it listens without HTTPS."""

    name = "caddy"

    def __init__(self, site: str, caddyfile: str) -> None:
        super().__init__()
        assert site in caddyfile
        lines = caddyfile.replace(site, f"http://127.0.0.1:{self.port}")
        options = "admin off\nauto_https off"
        (self.folder / "Caddyfile").write_text(f"{{\n{options}\n}}\n{lines}")

    def command(self) -> list[str]:
        return [program("caddy", "caddy"), "run", "--config", "Caddyfile", "--adapter", "caddyfile"]

    def popen_options(self) -> dict[str, Any]:
        home = {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        return super().popen_options() | {"env": os.environ | home}

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class HaproxyServer(Server):
    """HAProxy in front of servers that take turns, request by request, with these time limits by name.

    It passes on that a client has gone (`abortonclose`), as other proxies do unasked, unless `hides_the_gone`. Its log
    has a line for each request: method, path and status.
    """

    name = "haproxy"

    def __init__(self, timeouts: dict[str, str], *behind: "ChattyServer", hides_the_gone: bool = False) -> None:
        super().__init__()
        limits = "\n".join(f"    timeout {name} {limit}" for name, limit in ({"connect": "5s"} | timeouts).items())
        workers = "\n".join(f"    server worker{n} 127.0.0.1:{one.port}" for n, one in enumerate(behind))
        (self.folder / "haproxy.cfg").write_text(
            f"defaults\n    mode http\n    {'no ' if hides_the_gone else ''}option abortonclose\n{limits}\n"
            f'    log stdout format raw local0\n    log-format "%HM %HP %ST"\n'
            f"listen chatty\n    bind 127.0.0.1:{self.port}\n    balance roundrobin\n"
            f"    http-response set-header X-Worker %s\n{workers}\n"
        )

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [program("haproxy", "haproxy", "/usr/sbin"), "-db", "-f", str(self.folder / "haproxy.cfg")]

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

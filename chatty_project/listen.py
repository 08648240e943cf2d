"""Checks before the start whether Chatty can listen on its address and port."""

import errno
import socket


def why_not(host: str, port: int, start: str) -> str | None:
    """A sentence why nothing can listen on `host` and `port`; it names the command `start`. None if it can."""
    no_address = f'HOST is "{host}", which is no address of this machine; expected one to listen on, such as 127.0.0.1'
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        return no_address
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # Else a port that was just closed looks taken.
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"Port {port} is in use; stop what runs there or choose another: PORT={port % 65535 + 1} {start}"
            if error.errno == errno.EACCES:
                return f"Port {port} is only for the system's administrator; choose another: PORT=8000 {start}"
            if error.errno == errno.EADDRNOTAVAIL:
                return no_address
            return f"Can't listen on {host}:{port}: {error.strerror}"
    return None


def url(host: str, port: int) -> str:
    """The address to open in a browser on this machine for a server that listens on `host` and `port`."""
    host = host.strip("[]")
    if not host.strip("0.:"):  # 0.0.0.0, 0 or ::, which mean every address.
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"

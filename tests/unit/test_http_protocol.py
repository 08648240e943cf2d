"""uvicorn's HTTP protocol, as this project extends it, where a whole server would need luck."""

import socket

import pytest

from chatty_project.http import ChattyHttpProtocol


class Transport:
    """A transport whose client has hung up: its socket has no descriptor any more."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.close()

    def is_closing(self) -> bool:
        return True

    def get_extra_info(self, name: str) -> socket.socket:
        return self._socket


def test_a_client_that_has_hung_up_before_its_turn_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = ChattyHttpProtocol.__new__(ChattyHttpProtocol)
    monkeypatch.setattr(protocol, "transport", Transport(), raising=False)
    protocol.notice_silence()

"""Checks at start that uvicorn and websockets have the undocumented attributes that Chatty uses.

requirements.in keeps both below their next minor release, because it may rename any of these. An installation that
ignores requirements.txt gets a list of missing attributes instead of an AttributeError in the middle of a connection.
"""

import dis
from importlib import import_module
from importlib.metadata import version
from types import FunctionType

# Class: its attributes. tests/unit/test_internals.py compares them with what server.py, http.py and supervisor.py use.
INTERNALS: dict[str, tuple[str, ...]] = {
    "uvicorn.protocols.websockets.websockets_sansio_impl:WebSocketsSansIOProtocol": (
        *("close_sent", "close_timeout", "close_timer", "conn", "connection_lost", "connection_made"),
        *(
            "curr_msg_data_type",
            "data_received",
            "disconnected",
            "frames",
            "handle_close",
            "handle_connect",
            "handle_cont",
            "handle_events",
        ),
        *("handle_parser_exception", "handle_ping", "handle_pong", "handshake_complete", "handshake_initiated", "loop"),
        *("queue", "read_paused", "receive", "scope", "send_receive_event_to_app", "shutdown", "transport"),
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol": (
        *("_start_asgi_task", "connection_lost", "connection_made", "data_received", "handle_websocket_upgrade"),
        *("loop", "on_body", "on_headers_complete", "on_message_begin", "on_message_complete", "pipeline"),
        *("scope", "send_400_response", "shutdown", "transport", "url"),
    ),
    "uvicorn.protocols.http.httptools_impl:RequestResponseCycle": (
        *("disconnected", "message_event", "response_complete", "response_started"),
    ),
    "uvicorn.supervisors.multiprocess:Multiprocess": (
        *("config", "keep_subprocess_alive", "processes", "should_exit", "sockets"),
    ),
    "uvicorn.supervisors.multiprocess:Process": (*("exitcode", "is_alive", "join", "kill", "pid", "process", "start"),),
    "websockets.server:ServerProtocol": ("close_sent", "data_to_send", "fail", "parser", "reject", "send_close"),
    "websockets.streams:StreamReader": ("at_eof",),
}


def problems(internals: dict[str, tuple[str, ...]] = INTERNALS) -> list[str]:
    """The missing attributes of `internals`, one sentence each."""
    found = []
    for place, attributes in internals.items():
        module, _, name = place.partition(":")
        package = module.partition(".")[0]
        try:
            names = attributes_of(getattr(import_module(module), name))
        except (ImportError, AttributeError):
            missing = [place]
        else:
            missing = [f"{name}.{attribute}" for attribute in attributes if attribute not in names]
        found += [
            f"{package} {version(package)} has no {what}, which bin/serve uses; expected the {package} that "
            "requirements.txt pins: python -m pip install -r requirements.txt"
            for what in missing
        ]
    return found


def attributes_of(owner: type) -> set[str]:
    """The names of the class's attributes, and of attributes that its methods assign."""
    methods = [value for part in owner.__mro__ for value in vars(part).values() if isinstance(value, FunctionType)]
    assigned = {
        step.argval for method in methods for step in dis.get_instructions(method) if step.opname == "STORE_ATTR"
    }
    return {*dir(owner), *assigned}

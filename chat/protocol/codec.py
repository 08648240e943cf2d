"""Decodes and encodes frames."""

import json
import uuid
from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

import msgspec

from chat.protocol.commands import (
    COMMANDS,
    Command,
    Join,
)
from chat.protocol.constants import COMMANDS_LIMIT, FRAME_LIMIT_BYTES
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.events import or_unset
from chat.protocol.fields import RequestId, Seq

_command_decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(reduce(or_, COMMANDS))
_parts_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_COMMAND_NAMES = frozenset(command.__struct_config__.tag for command in COMMANDS)


def decode_command(frame: str) -> Command:
    """The command in a client's text frame.

    Raises:
        Refusal: `bad_frame` or `unknown_command`, naming the command's id, nonce and seq where they can be read.
    """
    try:
        return _command_decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _explain(frame, error) from None


def decode_commands(body: bytes) -> list[Command | Refusal]:
    """The commands in a request's body, one or an array of them, with a refusal in the place of each that is none.

    Raises:
        Refusal: `bad_frame`, it isn't one, nor an array of up to COMMANDS_LIMIT.
    """
    try:
        text = body.decode().strip()
        if not text.startswith("["):
            return [_command_or_refusal(text)]
        parts = _parts_decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Refusal(RefusalCode.BAD_FRAME, "Expected a command or an array of commands; this is not JSON.") from None
    if len(parts) > COMMANDS_LIMIT:
        raise Refusal(RefusalCode.BAD_FRAME, f"Expected at most {COMMANDS_LIMIT} commands; got {len(parts)}.")
    return [_command_or_refusal(bytes(part).decode()) for part in parts]


def _command_or_refusal(text: str) -> Command | Refusal:
    """`join` is none: a request brings its token otherwise."""
    if len(text.encode()) > FRAME_LIMIT_BYTES:
        return Refusal(RefusalCode.TOO_BIG, f"Expected a command of at most {FRAME_LIMIT_BYTES // 1024} KiB.")
    try:
        command = decode_command(text)
    except Refusal as refusal:
        return refusal
    if isinstance(command, Join):
        return Refusal(RefusalCode.BAD_FRAME, "Expected no `join` here: `events` is how to join.", re=command.re)
    return command


def _explain(frame: str, error: Exception) -> Refusal:
    """Why `frame` is no command. The second, lenient look is taken only at frames that failed the strict one."""
    try:
        # Unlike msgspec, this reads lone surrogates: such a frame is refused, but by its nonce.
        fields = json.loads(frame)
    except (ValueError, RecursionError):
        return Refusal(RefusalCode.BAD_FRAME, "Expected one JSON object; this is not JSON.")
    if not isinstance(fields, dict):
        return Refusal(RefusalCode.BAD_FRAME, "Expected one JSON object, a command.")
    named = _readable(fields)
    kind = fields.get("type")
    if isinstance(kind, str) and kind not in _COMMAND_NAMES:
        return Refusal(RefusalCode.UNKNOWN_COMMAND, "Unknown command.", **named)
    detail = "The frame nests too deeply." if isinstance(error, RecursionError) else str(error)
    return Refusal(RefusalCode.BAD_FRAME, detail.encode("utf-8", "replace").decode(), **named)


def _readable(fields: dict[str, Any]) -> dict[str, Any]:
    """The valid ones of the fields that identify a refused command in its refusal."""

    def read(name: str, kind: Any) -> Any:
        try:
            return msgspec.convert(fields.get(name), kind)
        except (msgspec.ValidationError, UnicodeError):
            return None

    return {"nonce": read("nonce", uuid.UUID), "seq": read("seq", Seq), "re": or_unset(read("id", RequestId))}


encode = msgspec.json.Encoder().encode


def frame(events: Iterable[bytes]) -> bytes:
    """A server frame: the JSON array of `events`, each encoded already."""
    return b"[" + b",".join(events) + b"]"

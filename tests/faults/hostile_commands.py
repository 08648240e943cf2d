"""Random text frames by a seed, some similar to commands. All are valid UTF-8."""

import json
import random
import uuid
from collections.abc import Callable, Iterator

import msgspec

from chat.protocol.commands import COMMANDS, Command, History, Join, Move, Since
from chat.protocol.constants import FRAME_LIMIT_BYTES

NONCE = "6d1f6b0a-2b9b-4b43-8d5b-4f5fdb9f0a55"
DEEP = 30_000  # Levels; with `{"a":` the most that a frame holds is twice as many.

# JSON texts, most of which are wrong for any one field. Some are no JSON at all.
ODD_VALUES = (
    *("null", "true", "false", "0", "-0", "-1", "1", "1.0", "1.5", "-1.5e-300", "1e400", "-1e400", "1e2", "01", "+1"),
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        ".5",
        "5.",
        "0x10",
        str(2**53 - 1),
        str(2**53),
        str(2**63),
        str(2**64),
        "9" * 400,
    ),
    *(
        "-" + "9" * 400,
        "1." + "0" * 500,
        "1e" + "9" * 20,
        "9" * 5_000,
        '""',
        '" "',
        '"x"',
        f'"{NONCE}"',
        f'"{NONCE.upper()}"',
    ),
    *(
        f'"{NONCE.replace("-", "")}"',
        f'"{{{NONCE}}}"',
        f'"{NONCE[:-1]}"',
        f'"{NONCE[:-1]}g"',
        '"1"',
        '"\\u0000"',
        '"a\\u0000b"',
    ),
    *(
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"\\ud83d\\ude00"',
        '"\u202eevil"',
        '"\\u202e"',
        '"\u200b"',
        '"\u3164"',
        '"\ufeff"',
    ),
    *('"\ufffe\uffff"', '"' + "x" * 4_001 + '"', '"' + "\U0001f600" * 4_000 + '"', '"' + "e\u0301" * 2_000 + '"'),
    *(
        '"' + "a" + "\u0300" * 3_000 + '"',
        '"' + "\ufdfa" * 390 + '"',
        '"\\"',
        '"\\x"',
        '"\\u12"',
        '"\n"',
        "'x'",
        '"' + "y" * 60_000 + '"',
    ),
    *(
        "[]",
        "[[]]",
        "[null]",
        "[0]",
        "[1e2]",
        "[1,-1]",
        '["x"]',
        f'["{NONCE}"]',
        f"[{'1,' * 100}1]",
        "{}",
        '{"a":1}',
        '{"":""}',
        '{"type":"post"}',
        '{"log":1}',
        '{"version":1}',
    ),
    *(
        f'{{"log":"{NONCE}","version":0}}',
        f'{{"log":"{NONCE}","version":{2**53 - 1}}}',
        f'{{"log":"{NONCE}","version":{2**53}}}',
    ),
    *(
        f'{{"log":"{NONCE}","version":-1}}',
        f'{{"log":"{NONCE}","version":1.0}}',
        '{"log":"","version":1}',
        "[" * 1_000 + "]" * 1_000,
    ),
    *(
        '"<script>alert(1)</script>"',
        '"[x](javascript:alert(1))"',
        '"http://' + "a." * 1_500 + 'com"',
        '"' + "*" * 3_999 + '"',
    ),
    *(
        '"' + "[" * 3_999 + '"',
        '"' + "> " * 1_900 + 'x"',
        '"' + "`" * 3_999 + '"',
        '"' + "_a" * 1_900 + '"',
        '"' + "&#x1;" * 700 + '"',
    ),
)

Fields = dict[str, str]  # By name: a JSON text.


def right_fields(kind: type[Command], nonce: uuid.UUID, *optional: str) -> Fields:
    """What a right command of this type says, with these of the fields that it may leave out."""
    values = {
        "token": '"t"',
        "name": '"Mallory"',
        "v": "1",
        "nonce": f'"{nonce}"',
        "body": f'"said with {nonce}"',
        "since": "0",
        "query": '"said"',
        "before": "1000",
        "seqs": "[1,3,1000]",
        "reply_to": "1",
        "limit": "2",
        "author": f'"{NONCE}"',
        "authors": f'["{NONCE}","{nonce}"]',
        "mentions": f'"{NONCE}"',
        "links": "true",
        "emoji": '"\U0001f44d"',
        "on": "true",
        "id": f'"{NONCE}"',
        "reason": '"because"',
        "room": '"mallorys"',
        "slug": '"mallorys"',
        "title": '"Mallory\'s"',
        "topic": '"None"',
        "rooms": '[{"slug":"mallorys","seq":0}]',
        "hook": f'"{NONCE}"',
    }
    if kind in (Join, Move):
        values["since"] = f'{{"log":"{NONCE}","version":1}}'
    if kind is History and not optional:
        optional = ("limit", "before")
    names = [field.name for field in msgspec.structs.fields(kind) if field.required or field.name in optional]
    return {"type": f'"{kind.__struct_config__.tag}"'} | {name: values.get(name, "1") for name in names}


def text_of(fields: Fields) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in fields.items()) + "}"


def every_field_wrong() -> Iterator[str]:
    """Each field of each command, with each odd value in it; each field left out."""
    for kind in COMMANDS:
        right = right_fields(kind, uuid.UUID(NONCE))
        names = ["type", *(field.name for field in msgspec.structs.fields(kind))]
        for name in names:
            yield text_of({other: value for other, value in right.items() if other != name})
            for value in ODD_VALUES:
                yield text_of(right | {name: value})
    for field in msgspec.structs.fields(Since):
        for value in ODD_VALUES:
            since = text_of({"log": f'"{NONCE}"', "version": "1", field.name: value})
            yield text_of(right_fields(COMMANDS[0], uuid.UUID(NONCE)) | {"since": since})


class Tongue:
    """A source of hostile texts: `next()` is one of them, of the kind that `kind` then names."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._kinds: dict[Callable[[], str], int] = {
            self.valid: 8,
            self.wrong_field: 14,
            self.flipped: 10,
            self.cut_short: 5,
            self.any_json: 8,
            self.deep: 1,
            self.doubled: 5,
            self.any_text: 4,
            self.long: 1,
            self.foreign_since: 4,
        }
        self.kind = ""

    def next(self) -> bytes:
        (make,) = self._chance.choices(list(self._kinds), list(self._kinds.values()))
        self.kind = make.__name__
        text = make().encode("utf-8", "replace")
        return text[:FRAME_LIMIT_BYTES].decode("utf-8", "ignore").encode()

    def _nonce(self) -> uuid.UUID:
        return uuid.UUID(int=self._chance.getrandbits(128), version=4)

    def _fields(self) -> Fields:
        kind = self._chance.choice(COMMANDS)
        optional = [field.name for field in msgspec.structs.fields(kind) if not field.required]
        some = self._chance.sample(optional, self._chance.choice((0, 0, min(2, len(optional)), len(optional))))
        return right_fields(kind, self._nonce(), *some)

    def valid(self) -> str:
        return text_of(self._fields())

    def wrong_field(self) -> str:
        fields = self._fields()
        for _ in range(self._chance.choice((1, 1, 1, 2, 3))):
            fields[self._chance.choice([*fields, "since", "author", "seqs", "links", "seq", "nonce"])] = (
                self._chance.choice(ODD_VALUES)
            )
        return text_of(fields)

    def flipped(self) -> str:
        """A right command with a few bits or characters changed."""
        letters = list(self.valid())
        for _ in range(self._chance.randint(1, 4)):
            at = self._chance.randrange(len(letters))
            match self._chance.randrange(4):
                case 0:
                    letters[at] = chr(ord(letters[at][:1] or "x") ^ 1 << self._chance.randrange(7))
                case 1:
                    letters[at] = ""
                case 2:
                    letters[at] += self._chance.choice('{}[]",:\\0-e\0\u2028\ufeff\U0001f600')
                case 3:
                    letters[at] = letters[self._chance.randrange(len(letters))]
        return "".join(letters)

    def cut_short(self) -> str:
        text = self.valid()
        start = self._chance.choice((0, 0, 0, 1, 7))
        return text[start : self._chance.randrange(len(text) + 1)] + self._chance.choice(("", "", "}", "]", '"', "\0"))

    def any_json(self) -> str:
        return self._value(4)

    def _value(self, depth: int) -> str:
        shape = self._chance.randrange(5 if depth else 2)
        if shape < 2:
            return self._chance.choice(ODD_VALUES[:-12])
        if shape == 2:
            return "[" + ",".join(self._value(depth - 1) for _ in range(self._chance.randrange(5))) + "]"
        keys = (
            "type",
            "id",
            "nonce",
            "seq",
            "since",
            "body",
            "v",
            "",
            "\0",
            "__proto__",
            "__class__",
            "\U0001f600" * 3,
        )
        pairs = [(self._chance.choice(keys), self._value(depth - 1)) for _ in range(self._chance.randrange(6))]
        return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in pairs) + "}"

    def deep(self) -> str:
        opening, middle, closing = self._chance.choice(
            (("[", "", "]"), ('{"a":', "1", "}"), ('[{"type":', '"post"', "}]"))
        )
        levels = self._chance.choice((100, 900, 1_100, DEEP // len(opening)))
        nested = opening * levels + middle + (closing * levels if self._chance.random() < 0.7 else "")
        return nested if self._chance.random() < 0.5 else text_of(self._fields() | {"x": nested, "body": nested})

    def doubled(self) -> str:
        """A command that says a field twice, or a thousand times, each time something else."""
        fields = self._fields()
        name = self._chance.choice([*fields, "unknown"])
        again = [
            f'"{name}":{self._chance.choice(ODD_VALUES)[:500]}' for _ in range(self._chance.choice((1, 1, 2, 1_000)))
        ]
        return text_of(fields)[:-1] + "," + ",".join(again) + "}"

    def any_text(self) -> str:
        size = self._chance.choice((0, 1, 2, 10, 100, 1_000))
        return "".join(
            chr(self._chance.choice((self._chance.randrange(128), self._chance.randrange(0xD800)))) for _ in range(size)
        )

    def long(self) -> str:
        letters = self._chance.choice(("x", "\U0001f600", "\\u0000", '\\"', "0", " "))
        times = 60_000 // len(letters.encode())
        match self._chance.randrange(4):
            case 0:
                return letters * times
            case 1:
                return text_of(self._fields() | {"name": f'"{letters * times}"'})
            case 2:
                return text_of(self._fields())[:-1] + f',"{letters * times}":1}}'
            case _:
                return " " * times + self.valid()

    def foreign_since(self) -> str:
        version = self._chance.choice(("0", "1", "7", str(2**53 - 1), str(2**53), str(2**63), "-1"))
        since = f'{{"log":"{self._nonce()}","version":{version}}}'
        kind = self._chance.choice(("join", "sync", "history"))
        fields = {
            "type": f'"{kind}"',
            "token": '"x:y:z"',
            "name": '"Mallory"',
            "v": "1",
            "before": version,
            "limit": "100",
        }
        return text_of(fields | {"since": since if kind == "join" else version})

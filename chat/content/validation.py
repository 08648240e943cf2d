"""Unicode rules for bodies, names, titles and reactions. Pure."""

import re
import unicodedata

import emoji

from chat.content import joiners
from chat.protocol.constants import BODY_LIMIT, NAME_LIMIT, TITLE_LIMIT, TOPIC_LIMIT
from chat.protocol.errors import Refusal, RefusalCode

# Invisible letters and marks: a name of them would look empty, and a name with them like the name without.
# (Unicode, Default_Ignorable_Code_Point without Cf and Cn, and the blank Braille pattern.)
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | frozenset(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
_EMOJI_STYLE = "\ufe0f"  # Selects the coloured form of the character before it. Emoji keyboards add it everywhere.


def _is_invisible(character: str) -> bool:
    """Whether a character prints nothing, or changes how its neighbours print.

    Cc control, Cf format (zero-width and direction marks), Cs surrogates, Co and Cn: no agreed meaning, Zl and Zp:
    line and paragraph separators (Unicode, General_Category).
    """
    return character in _BLANK or unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean_name(raw: str) -> str:
    """The validated screen name: NFC, white space folded, no emoji style, 1 to NAME_LIMIT characters.

    Raises:
        Refusal: `name_invalid`; the name is invisible, or could change the display of text around it.
    """
    return _clean_line(raw, "screen name", NAME_LIMIT, RefusalCode.NAME_INVALID)


def clean_title(raw: str) -> str:
    """The validated title of a room: cleaned like names, 1 to TITLE_LIMIT characters.

    Raises:
        Refusal: `title_invalid`.
    """
    return _clean_line(raw, "room's title", TITLE_LIMIT, RefusalCode.TITLE_INVALID)


def clean_topic(raw: str) -> str:
    """The validated topic of a room: cleaned like names, 0 to TOPIC_LIMIT characters.

    Raises:
        Refusal: `title_invalid`.
    """
    return _clean_line(raw, "room's topic", TOPIC_LIMIT, RefusalCode.TITLE_INVALID, may_be_empty=True)


def _clean_line(raw: str, what: str, limit: int, code: RefusalCode, *, may_be_empty: bool = False) -> str:
    if len(raw) > 10 * limit:  # Checked before any work.
        raise Refusal(code, f"A {what} has at most {limit} characters.")
    line = " ".join(unicodedata.normalize("NFC", raw.replace(_EMOJI_STYLE, "")).split())
    if not line and not may_be_empty:
        raise Refusal(code, f"A {what} needs at least one visible character.")
    if any(_is_invisible(character) for character in joiners.without(line)) or not joiners.belong(line):
        raise Refusal(code, f"A {what} can't contain control or invisible characters.")
    if len(line) > limit:
        raise Refusal(code, f"A {what} has at most {limit} characters.")
    return line


# Characters that mean a line break: of Windows, old Macs, presentations, and Unicode's own.
_BREAKS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# Control characters and lone surrogates have no meaning in a message. PostgreSQL can't even store a NUL.
_NOTHING = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")


def clean_body(raw: str) -> str:
    """The body to store: its line breaks are `\\n`, and it has no control characters. kit/clean.js is the page's twin.

    Raises:
        Refusal: `body_empty`, `body_too_long`.
    """
    body = raw if raw.isascii() and raw.isprintable() else _NOTHING.sub("", _BREAKS.sub("\n", raw))
    check_body(body)
    return body


def check_body(body: str) -> None:
    """Validates a clean body.

    Raises:
        Refusal: `body_empty`, `body_too_long`.
    """
    if len(body) > BODY_LIMIT:
        raise Refusal(RefusalCode.BODY_TOO_LONG, f"A message has at most {BODY_LIMIT} characters; got {len(body)}.")
    if all(character.isspace() or _is_invisible(character) for character in body):
        raise Refusal(RefusalCode.BODY_EMPTY, "A message needs at least one visible character.")


_VARIATION_SELECTOR = "\ufe0f"  # Selects the coloured form. Keyboards and fonts differ in where they omit it.
_EMOJI = {
    character.replace(_VARIATION_SELECTOR, ""): character
    for character, data in emoji.EMOJI_DATA.items()
    if data["status"] == emoji.STATUS["fully_qualified"]
}


def clean_emoji(raw: str) -> str:
    """The fully qualified form of one emoji (Unicode, "RGI emoji"), however it was typed.

    Raises:
        Refusal: `bad_frame`, for anything else.
    """
    try:
        return _EMOJI[raw.replace(_VARIATION_SELECTOR, "")]
    except KeyError:
        raise Refusal(RefusalCode.BAD_FRAME, "Expected one emoji as the reaction.") from None

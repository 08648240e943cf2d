"""Unicode rules for bodies, names, titles and reactions. Pure."""

import re
import unicodedata

import emoji

from chat.content import joiners
from chat.protocol.constants import BODY_LIMIT, NAME_LIMIT, TITLE_LIMIT, TOPIC_LIMIT
from chat.protocol.errors import Refusal, RefusalCode

# Letters and marks that show nothing: a name of them would look empty, and one with them like the name without.
# (Unicode, Default_Ignorable_Code_Point, as far as it isn't Cf or Cn, and the blank Braille pattern.)
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | frozenset(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
_EMOJI_STYLE = "\ufe0f"  # Says only that the character before it is a picture; emoji keyboards write it everywhere.


def _is_invisible(character: str) -> bool:
    """Whether a character prints nothing, or changes how its neighbours print.

    Cc control, Cf format (zero-width and direction marks), Cs surrogates, Co and Cn: no agreed meaning, Zl and Zp:
    line and paragraph separators (Unicode, General_Category).
    """
    return character in _BLANK or unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean_name(raw: str) -> str:
    """A screen name as it is shown: NFC, white space folded, no emoji style, 1 to NAME_LIMIT characters.

    Raises:
        Refusal: `name_invalid`; a name that shows nothing, or that could change how its neighbours are shown.
    """
    return _clean_line(raw, "screen name", NAME_LIMIT, RefusalCode.NAME_INVALID)


def clean_title(raw: str) -> str:
    """A room's title as it is shown: cleaned as names are, 1 to TITLE_LIMIT characters.

    Raises:
        Refusal: `title_invalid`.
    """
    return _clean_line(raw, "room's title", TITLE_LIMIT, RefusalCode.TITLE_INVALID)


def clean_topic(raw: str) -> str:
    """A room's topic as it is shown: cleaned as names are, at most TOPIC_LIMIT characters, maybe none.

    Raises:
        Refusal: `title_invalid`.
    """
    return _clean_line(raw, "room's topic", TOPIC_LIMIT, RefusalCode.TITLE_INVALID, may_be_empty=True)


def _clean_line(raw: str, what: str, limit: int, code: RefusalCode, *, may_be_empty: bool = False) -> str:
    if len(raw) > 10 * limit:  # Before any work is done on it.
        raise Refusal(code, f"A {what} has at most {limit} characters.")
    line = " ".join(unicodedata.normalize("NFC", raw.replace(_EMOJI_STYLE, "")).split())
    if not line and not may_be_empty:
        raise Refusal(code, f"A {what} needs at least one visible character.")
    if any(_is_invisible(character) for character in joiners.without(line)) or not joiners.belong(line):
        raise Refusal(code, f"A {what} can't contain control or invisible characters.")
    if len(line) > limit:
        raise Refusal(code, f"A {what} has at most {limit} characters.")
    return line


# What is typed as one of these is meant as a line break: of Windows, old Macs, presentations, and Unicode's own.
_BREAKS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# Control characters say nothing in a message (PostgreSQL's text can't even hold a NUL), nor do halves of a pair.
_NOTHING = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")


def clean_body(raw: str) -> str:
    """A body as it is kept: its line breaks are `\\n`, control characters are gone. kit/clean.js is the page's.

    Raises:
        Refusal: `body_empty`, `body_too_long`.
    """
    body = raw if raw.isascii() and raw.isprintable() else _NOTHING.sub("", _BREAKS.sub("\n", raw))
    check_body(body)
    return body


def check_body(body: str) -> None:
    """Nothing, for a clean body that can be posted.

    Raises:
        Refusal: `body_empty`, `body_too_long`.
    """
    if len(body) > BODY_LIMIT:
        raise Refusal(RefusalCode.BODY_TOO_LONG, f"A message has at most {BODY_LIMIT} characters; got {len(body)}.")
    if all(character.isspace() or _is_invisible(character) for character in body):
        raise Refusal(RefusalCode.BODY_EMPTY, "A message needs at least one visible character.")


_VARIATION_SELECTOR = "\ufe0f"  # Asks for the coloured form; keyboards and fonts differ in where they leave it out.
_EMOJI = {
    character.replace(_VARIATION_SELECTOR, ""): character
    for character, data in emoji.EMOJI_DATA.items()
    if data["status"] == emoji.STATUS["fully_qualified"]
}


def clean_emoji(raw: str) -> str:
    """One emoji (Unicode, "RGI emoji"), in its fully qualified form: however it was typed, the same one is the same.

    Raises:
        Refusal: `bad_frame`, for anything else.
    """
    try:
        return _EMOJI[raw.replace(_VARIATION_SELECTOR, "")]
    except KeyError:
        raise Refusal(RefusalCode.BAD_FRAME, "Expected one emoji as the reaction.") from None

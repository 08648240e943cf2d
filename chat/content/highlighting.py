"""Syntax colours for code: maps Pygments' tokens to a few classes of the stylesheet.

Only for named languages of this list. Guessing is slow and often wrong. Each language's lexer is a set of regular
expressions; tests/unit/test_markdown.py measures them with hostile texts. Makefiles and INI files are missing because
of that.
"""

from collections.abc import Iterator
from functools import cache
from html import escape
from itertools import groupby
from time import thread_time

from pygments.lexer import Lexer
from pygments.lexers import get_all_lexers, get_lexer_by_name
from pygments.token import Token, _TokenType

_LANGUAGES = """
    bash c c++ cpp cs csharp css diff docker dockerfile go golang html java javascript js json kotlin lua php powershell
    py python rb rs ruby rust scss sh shell sql swift toml ts typescript xml yaml yml
"""
LANGUAGES = frozenset(_LANGUAGES.split())
# Words after a code block's opening fence that are a language's name, not code. Most languages stay uncoloured.
_NAMES = LANGUAGES.union(
    ("plain", "plaintext", "txt"), (alias for _, aliases, _, _ in get_all_lexers(plugins=False) for alias in aliases)
)
# The most specific first. Tokens of no class stay plain.
_CLASSES = (
    (Token.Comment, "hl-comment"),
    (Token.Keyword, "hl-keyword"),
    (Token.Operator.Word, "hl-keyword"),
    (Token.Literal.String, "hl-string"),
    (Token.Literal.Number, "hl-number"),
    (Token.Name.Builtin, "hl-name"),
    (Token.Name.Class, "hl-name"),
    (Token.Name.Decorator, "hl-name"),
    (Token.Name.Function, "hl-name"),
    (Token.Name.Tag, "hl-keyword"),
    (Token.Name.Attribute, "hl-name"),
    (Token.Generic.Deleted, "hl-deleted"),
    (Token.Generic.Inserted, "hl-inserted"),
    (Token.Generic.Heading, "hl-keyword"),
    (Token.Generic.Subheading, "hl-keyword"),
)
CLASSES = frozenset(name for _, name in _CLASSES)


def is_language(name: str) -> bool:
    """Whether `name` is a programming language or file format. Case doesn't matter."""
    return name.lower() in _NAMES


def highlight(code: str, language: str, until: float) -> str:
    """`code` as HTML, with classes for its tokens if the language is one of LANGUAGES.

    The rest stays plain when this thread's clock (`time.thread_time`) passes `until`.
    """
    if language not in LANGUAGES:
        return escape(code, quote=False)
    runs = groupby(_parts(code, language, until), key=lambda part: part[0])
    return "".join(_span(name, "".join(text for _, text in run)) for name, run in runs)


def prepare(language: str) -> None:
    """Builds a language's lexer, once for each process. Building takes longer than its use."""
    if language in LANGUAGES:
        _lexer(language)


def _parts(code: str, language: str, until: float) -> Iterator[tuple[str, str]]:
    """The pieces of the code, each with its class."""
    for position, kind, text in _lexer(language).get_tokens_unprocessed(code):
        if thread_time() > until:
            yield "", code[position:]
            return
        yield _class(kind), text


def _span(name: str, text: str) -> str:
    safe = escape(text, quote=False)
    return f'<span class="{name}">{safe}</span>' if name and not text.isspace() else safe


@cache
def _lexer(language: str) -> Lexer:
    return get_lexer_by_name(language, stripnl=False, ensurenl=False)


@cache
def _class(kind: _TokenType) -> str:
    return next((name for token, name in _CLASSES if kind in token), "")

"""What the worst text or question of its kind costs, beside an ordinary one."""

from collections.abc import Callable
from typing import Any

import pytest

from chat.content import markdown, search_terms
from chat.content.mentions import NAMESAKES_LIMIT, fold
from chat.protocol.constants import BODY_LIMIT, NAME_LIMIT
from chat.protocol.fields import MemberId

Benchmark = Callable[..., Any]  # pytest-benchmark's fixture.

ORDINARY = ("I'll go through the list at https://example.com/notes, and tell @ann what it was.\n" * 50)[:BODY_LIMIT]
LETTERS = "b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9"


def filled(part: str) -> str:
    return (part * BODY_LIMIT)[:BODY_LIMIT]


@pytest.mark.parametrize(
    ("body", "query"),
    [
        (ORDINARY, "example notes"),
        (filled("a "), f"{LETTERS} a"),
        (filled("a "), f'"{"a " * (search_terms.WORDS_LIMIT - 1)}b"'),
        (filled("天"), "天" * (search_terms.WORDS_LIMIT - 1) + "気"),
        (filled("é "), "ü"),
    ],
    ids=["ordinary", "many words", "a phrase", "Chinese", "accents"],
)
def test_excerpt(benchmark: Benchmark, body: str, query: str) -> None:
    phrases = search_terms.parse(query)
    benchmark(search_terms.excerpt, body, phrases)


@pytest.mark.parametrize(
    "body",
    [
        ORDINARY,
        filled("Съешь же ещё этих мягких французских булок, да выпей чаю. "),
        filled("今日は天気がいいので、設定ファイルを直してから散歩に行きます。"),
        filled("고등학교에서 만나요 ㅋㅋㅋ "),
        filled("\ufdfa"),
        filled("ก\u0e38\u0e48\u0e38\u0e48"),
        filled("🙂ё"),
    ],
    ids=["English", "Russian", "Japanese", "Korean", "a sentence in a sign", "marks", "beyond the basic plane"],
)
def test_search_text(benchmark: Benchmark, body: str) -> None:
    benchmark(search_terms.search_text, body)


@pytest.mark.parametrize(
    "body",
    [ORDINARY, filled("a.co "), filled("https://a.b/((("), filled("[https://a.co](https://b.co) "), filled("[a](")],
    ids=["ordinary", "hosts", "open brackets", "links", "half links"],
)
def test_render(benchmark: Benchmark, body: str) -> None:
    benchmark(markdown.render, body)


NAMES = ["Ann", "é" * NAME_LIMIT, "a b " * (NAME_LIMIT // 4)]
PEOPLE = {fold(name): tuple(MemberId(f"{name}-{n}") for n in range(NAMESAKES_LIMIT)) for name in NAMES}


@pytest.mark.parametrize(
    "body",
    [ORDINARY, filled("@Ann "), filled("@"), filled("@é"), filled("@a b "), filled("@" + "é" * NAME_LIMIT)],
    ids=["ordinary", "a name", "signs", "letters of a name", "words of a name", "a long name"],
)
def test_mentions(benchmark: Benchmark, body: str) -> None:
    benchmark(markdown.render, body, PEOPLE)


CODE = "def tide(at):\n    return [level for level in levels if level.at == at]  # of the day\n"


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", CODE),
        ("", CODE),
        ("python", '"""'),
        ("python", "f'{"),
        ("html", "<script>"),
        ("json", "[{"),
        ("sql", "SELECT * FROM a WHERE '"),
        ("bash", "$(( `"),
    ],
    ids=["ordinary", "no language", "strings", "formats", "html", "json", "sql", "bash"],
)
def test_code(benchmark: Benchmark, language: str, code: str) -> None:
    fence = f"```{language}\n"
    benchmark(markdown.render, fence + filled(code)[: BODY_LIMIT - len(fence) - 4] + "\n```")

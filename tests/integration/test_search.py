"""Search on both databases: the same words find the same messages."""

# ruff: noqa: RUF001  Letters of other scripts and widths are what it is about.

import uuid

import pytest
from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from chat.access.person import Person
from chat.content.search_terms import Phrase, excerpt, parse, search_text
from chat.log import deadline, search
from chat.log.operations import Delete
from chat.log.reader import LogUnavailable, RoomRow
from chat.log.search import SearchQuery
from chat.models import Message, Room
from chat.protocol.constants import QUERY_LIMIT
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.events import Result, moment
from tests.deeds import edit
from tests.examples import examples
from tests.integration.desk import ANN, BOB, Desk

SAID = [
    "The tide is high at noon.",  # 1
    "High noon, and the tide is out",  # 2
    "Une crème brûlée, s'il vous plaît",  # 3
    "see https://example.com/a-b?c=tideway and don't panic",  # 4
    "Ёлка ΛΌΓΟΣ λόγος",  # 5
    "日本語のテキスト。次の文",  # 6
    "v2.0 costs 1,500 (or 1e5) snake_case",  # 7
    "हिन्दी में लिखा",  # 8
    "to be \\ or 'not' to \"be\"; DROP TABLE x --",  # 9
]


@pytest.fixture
async def lobby(desk: Desk) -> RoomRow:
    """A room in which SAID was said, in turns, and another one with words of its own."""
    room, other = await desk.room("lobby"), await desk.room("other")
    for number, body in enumerate(SAID):
        await desk.post(room, body, (ANN, BOB)[number % 2])
        await desk.post(other, f"{body} elsewhere")
    return room


async def found(desk: Desk, room: RoomRow, query: str, **narrower: object) -> list[int]:
    results, more = await desk.log.search(room.id, SearchQuery(parse(query), **narrower), 50)  # type: ignore[arg-type]
    assert not more
    return [result.seq for result in results]


async def test_words_are_found_wherever_they_stand(desk: Desk, lobby: RoomRow) -> None:
    expected = {
        "tide": [4, 2, 1],  # The last word may go on: tideway.
        "tide noon": [2, 1],
        "NOON tide at": [1],
        '"tide"': [2, 1],
        '"high noon"': [2],
        '"noon high"': [],
        '"the ti': [2, 1],
        "no": [9, 2, 1],
        "t": [4],
        "o": [],
        "creme brulee": [3],
        "CRÈME": [3],
        "brûlee": [3],
        "example": [4],
        "example.com": [4],
        "a-b": [4],
        "don't": [4],
        "λόγος": [5],
        "Λόγοσ": [5],
        "ёлка": [5],
        "日本": [6],
        "本語のテ": [6],
        "キスト": [6],
        "ト次": [6],
        "本 次": [6],
        "日語": [],
        "字": [],
        "次の文": [6],
        "v2.0": [7],
        "1e5": [7],
        "1,500": [7],
        "snake_case": [7],
        "snake": [7],
        "हिन्दी": [8],
        "drop": [9],
        "'not'": [9],
        "NOT": [9],
        "elsewhere": [],
        "room": [],
    }
    assert {query: await found(desk, lobby, query) for query in expected} == expected


UNSPACED = {
    "今日は天気がいい": ["天気", "気", "今日 いい", "いい", "天気がいい。"],
    "Django設定ファイル": ["設定", "django設定", "Django設", "ファイル", "ﾌｧｲﾙ", "定フ"],
    "ｶﾞｲﾄﾞをＤＪＡＮＧＯ２で": ["ガイド", "django2", "をDj"],
    "か\u3099くせいの話": ["がくせい", "がく", "の話"],
    "葛\U000e0100飾区": ["葛飾", "飾"],
    "고등학교에서 만나요 ㅋㅋㅋ": ["학교", "학교 만나", "ㅋㅋ", "고등학교"],
    "ฉันอยู่ที่บ้านกับแมว": ["บ้าน", "แมว", "อยู่ที่", "ที่บ"],
    "ใช้ที่Flaskได้": ["ที่flask", "flaskได้", "flask ใช้"],
    "ຂ້ອຍຢູ່ເຮືອນ": ["ຢູ່", "ເຮືອນ"],
    "ကျွန်တော် အိမ်မှာ ရှိတယ်။": ["အိမ်", "မှာ", "တော်"],
    "ខ្ញុំនៅផ្ទះ។": ["ផ្ទះ", "នៅ"],
    "བོད་ཡིག་སྦྱོང": ["ཡིག", "བོད་ཡིག"],
    "हिन्दी में": ["हिन", "हिन्दी"],
}


async def test_what_has_no_spaces_is_found_by_any_part_of_it(desk: Desk) -> None:
    room = await desk.room("lobby")
    for body in UNSPACED:
        await desk.post(room, body)
    expected = {query: [number] for number, queries in enumerate(UNSPACED.values(), 1) for query in queries}
    assert {query: await found(desk, room, query) for query in expected} == expected
    nothing: dict[str, list[int]] = {"気天": [], "ปี": [], '"ที"': [], "कहिन्दी": [], "हन्द": [], "か": []}
    assert {query: await found(desk, room, query) for query in nothing} == nothing


# What people write, some of it one character or less; and what may stand between.
UNITS = """
    Django tide a é e\u0301 ΛΌΓΟΣ λόγος хлеб 7 हिन्दी हिन हन्द བོད་ཡིག ཡིག ＡＢ ab ａ １
    設定 設 定 天気 気 々 〇 𠮷 葛\U000e0100 葛 ファイル ー が か か\u3099 ガ ｶﾞ ｶ ﾊﾟ パ ｱﾞ あ\u3099 ㄅ 한국 한 국 ㅋ
    ที่ ที ท ปี ปู ป กำ ไทย ๑ ພາ ພຸ ພ ຢູ່ က ကြောင်း ကြော ကြ ភាសា ភា ភ ខ្ញុំ ខ្ញុ
"""
SCRIPTS = [line.split() for line in UNITS.strip().splitlines()]
BETWEEN = [" ", *"。、・-'🙂🤔\u200b။", "❤\ufe0f", "1\ufe0f\u20e3"]


@pytest.mark.timeout(180)
async def test_both_databases_find_what_the_words_say(desk: Desk) -> None:
    """Whatever scripts are mixed."""
    room = await desk.room("lobby")

    @examples(80, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def compare(data: st.DataObject) -> None:
        units = data.draw(st.sampled_from([*SCRIPTS, UNITS.split()]))
        # A few, so that they often come together.
        few = st.sampled_from(data.draw(st.lists(st.sampled_from(units + BETWEEN), min_size=3, max_size=7)))
        said = data.draw(st.lists(st.lists(few, min_size=1, max_size=9), min_size=4, max_size=12))
        bodies = ["".join(parts) for parts in said]
        asked = data.draw(st.lists(few, min_size=1, max_size=3) | st.sampled_from(said))
        start, size, is_quoted = data.draw(st.tuples(st.integers(0, 8), st.integers(1, 5), st.booleans()))
        start %= len(asked)
        query = "".join(asked[start : start + size])
        try:
            phrases = parse(f'"{query}"' if is_quoted else query)
        except Refusal:
            return
        Message.objects.all().delete()
        Message.objects.bulk_create(
            Message(
                room_id=room.id,
                seq=seq,
                version=seq,
                nonce=uuid.uuid4(),
                author_id=uuid.UUID(ANN.id),
                author_name=ANN.name,
                body=body,
                search_text=search_text(body),
                at=moment(seq),
            )
            for seq, body in enumerate(bodies)
        )
        expected = [seq for seq, body in enumerate(bodies) if all(matches(body, phrase) for phrase in phrases)]
        results, _ = search.find(room.id, SearchQuery(phrases), 50)
        assert [result.seq for result in results][::-1] == expected

    await desk.log.run(compare)


def matches(body: str, phrase: Phrase) -> bool:
    return any(is_match for _, is_match in excerpt(body, [phrase]))


# What was said, what is asked for, and whether it is found.
FOLDED = [
    ("Каи\u0306ф на Бори\u0441овои\u0306", "кайф", True),
    ("Кайф", "каи\u0306ф", True),
    ("все ёлки", "елки", True),
    ("한국어\u1105\u1173\u11af 배워요", "국어를", True),
    ("\u1112\u1161\u11ab\u1100\u116e\u11a8에서", "한국", True),
    ("ﾡￂﾻ", "ㅏㅋ", True),
    ("قال مُحَمَّدٌ شيئا", "محمد", True),
    ("قال محمد شيئا", "مُحَمَّد", True),
    ("ســـلام", "سلام", True),
    ("ﻣﺤﻤﺪ", "محمد", True),
    ("שָׁלוֹם לכולם", "שלום", True),
    ("word\u200bplay, ex\u00adam\u00adple", "wordplay example", True),
    ("wordplay", "word\u200dpl\u00aday", True),
    ("an oﬃce ﬁle", "office file", True),
    ("office", "oﬃce", True),
    ("die Straße", "STRASSE", True),
    ("DIE STRASSE", "straße", True),
    ("die Straße", "strase", False),
    ("ὈΔΥΣΣΕΎΣ", "Οδυσσεύς", True),
    ("Οδυσσεύς λέει", '"οδυσσευσ λεει"', True),
    ("İSTANBUL", "istanbul", True),
    ("ıspanak", "ISPANAK", True),
    ("istanbul", "İSTANBUL", True),
    ("ＡＢＣ１２", "abc12", True),
    ("ﾊﾟﾝとｶﾞｲﾄﾞ", "パンとガ", True),
    ("パン", "ハン", False),
    ("ハ\u309aン", "パン", True),
    ("𝐛𝐨𝐥𝐝 words", "bold", True),
    ("5 k\u2126", "kω", True),
    ("हिन्दी", "हिनदी", False),
    ("क\u093cलम", "\u0958लम", True),
    (":ำ น้ำใจ", "น้ำใจ", True),
    ("Foo™ bar", '"foo bar"', True),
    ("3① install", '"install"', True),
    ("ﷺ", "عليه", True),
]


async def test_texts_are_found_however_they_were_written(desk: Desk) -> None:
    room = await desk.room("lobby")
    for said, _, _ in FOLDED:
        await desk.post(room, said)
    for seq, (said, asked, is_found) in enumerate(FOLDED, 1):
        assert (seq in await found(desk, room, asked)) == is_found, (said, asked)


async def test_phrases_are_found_wherever_a_long_text_has_them(desk: Desk) -> None:
    """PostgreSQL itself would keep 256 places of a word, and none above 16,383."""
    room = await desk.room("lobby")
    await desk.post(room, f"{'の話' * 1_990}天気の猫")
    await desk.post(room, f"{'a b ' * 990}a c tide")
    await desk.post(room, "㌖" * 3_990 + "天気の猫")  # 24,000 words are too many: its end isn't found.
    asked = {"気の猫": [1], "の話の": [1], "の気": [], '"a c ti': [2], '"b c"': [], "メートル": [3], "ルキロメ": [3]}
    assert {query: await found(desk, room, query) for query in asked} == asked


async def test_no_copy_of_a_deleted_text_stays(desk: Desk) -> None:
    room = await desk.room("lobby")
    await desk.post(room, "Ёлка")
    await desk.post(room, "Ёлка, сосна")
    await desk.committer.commit(edit(room, 1, ANN.id, "Сосна"))
    await desk.committer.commit(Delete(room, 2, Person(ANN.id)))
    kept = await desk.log.read(lambda: list(Message.objects.order_by("seq").values_list("body", "search_text")))
    assert kept == [("Сосна", "сосна"), ("", None)]
    assert (await found(desk, room, "елка"), await found(desk, room, "сосна")) == ([], [1])


async def test_a_search_is_narrowed_by_author_time_and_place(desk: Desk, lobby: RoomRow) -> None:
    def age() -> None:
        for seq in range(1, 10):
            Message.objects.filter(room_id=lobby.id, seq=seq).update(at=moment(seq * 1000))

    await desk.log.run(age)
    assert await found(desk, lobby, "tide", author=uuid.UUID(ANN.id)) == [1]
    assert await found(desk, lobby, "tide", author=uuid.UUID(BOB.id)) == [4, 2]
    assert await found(desk, lobby, "tide", at_from=2000) == [4, 2]
    assert await found(desk, lobby, "tide", at_before=2000) == [1]
    assert await found(desk, lobby, "tide", at_from=2000, at_before=3000) == [2]
    assert await found(desk, lobby, "tide", before=4) == [2, 1]


async def test_a_search_comes_in_pages_newest_first(desk: Desk, lobby: RoomRow) -> None:
    results, more = await desk.log.search(lobby.id, SearchQuery(parse("tide")), 2)
    assert ([result.seq for result in results], more) == ([4, 2], True)
    rest, more = await desk.log.search(lobby.id, SearchQuery(parse("tide"), before=2), 2)
    assert ([result.seq for result in rest], more) == ([1], False)
    assert isinstance(rest[0], Result)
    assert (rest[0].author, rest[0].excerpt) == (
        ANN,
        [("The ", False), ("tide", True), (" is high at noon.", False)],
    )


async def test_what_was_changed_is_found_by_what_it_says_now(desk: Desk, lobby: RoomRow) -> None:
    await desk.committer.commit(edit(lobby, 1, ANN.id, "The ebb is low"))
    assert (await found(desk, lobby, "tide"), await found(desk, lobby, "ebb")) == ([4, 2], [1])
    await desk.committer.commit(Delete(lobby, 2, Person(BOB.id)))
    assert (await found(desk, lobby, "tide"), await found(desk, lobby, "noon")) == ([4], [])
    await desk.post(lobby, "the tide again")
    assert await found(desk, lobby, "tide") == [12, 4]

    def forget() -> None:
        Room.objects.filter(slug="other").delete()
        Message.objects.filter(room_id=lobby.id, seq=4).delete()
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:  # Raises where index and messages differ.
                cursor.execute("INSERT INTO chat_message_fts (chat_message_fts, rank) VALUES ('integrity-check', 1)")

    await desk.log.run(forget)
    assert await found(desk, lobby, "tide") == [12]


async def test_a_search_that_takes_too_long_is_refused(
    desk: Desk, lobby: RoomRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow() -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                monkeypatch.setattr(deadline, "SECONDS", -1)
                monkeypatch.setattr(deadline, "LOOK_EVERY", 1)
            else:
                cursor.execute("SET statement_timeout = '1ms'")
                monkeypatch.setitem(
                    search._BACKENDS,
                    "postgresql",
                    lambda messages, *_: messages.filter(RawSQL("pg_sleep(1) IS NOT NULL", [], BooleanField())),
                )
        search.find(lobby.id, SearchQuery(parse("tide")), 10)

    with pytest.raises(Refusal) as refused:
        await desk.log.run(slow)
    assert refused.value.code == RefusalCode.UNAVAILABLE
    monkeypatch.undo()
    if connection.vendor == "sqlite":
        assert await found(desk, lobby, "ebb") == []


@pytest.mark.parametrize("fold", [str, lambda text: f'"{text}"'], ids=["typed", "quoted"])
async def test_nothing_that_is_typed_is_an_error_of_the_database(desk: Desk, lobby: RoomRow, fold: object) -> None:
    texts = st.text(max_size=QUERY_LIMIT) | st.text(
        st.sampled_from("\"'\\*()^:-+<>|&!{}NEAROT \u0301\0é本🙂\U0001d160")
    )

    @examples(150, suppress_health_check=list(HealthCheck))
    @given(texts)
    def search_for(query: str) -> None:
        try:
            phrases = parse(fold(query)[:QUERY_LIMIT])  # type: ignore[operator]
        except Refusal:
            return
        search.find(lobby.id, SearchQuery(phrases), 3)

    try:
        await desk.log.run(search_for)
    except LogUnavailable as error:
        pytest.fail(str(error))

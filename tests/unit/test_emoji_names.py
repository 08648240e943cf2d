"""The names by which the page finds emoji."""

from django.utils import translation

from chat.content.emoji import emoji_names


def names(language: str) -> dict[str, list[str]]:
    with translation.override(language):
        lines = [line.partition(" ") for line in emoji_names().splitlines()]
    return {emoji: names.split("|") for emoji, _, names in lines}


def test_every_emoji_has_its_names_in_the_readers_language_and_in_english() -> None:
    english, german = names("en-gb"), names("de")
    assert english["👍"] == ["thumbs up", "thumbsup", "+1"]
    assert german["👍"] == ["daumen hoch", "thumbs up", "thumbsup", "+1"]
    assert english.keys() == german.keys()
    assert len(english) > 200
    assert all(name for called in german.values() for name in called)


def test_a_language_that_unicode_has_no_names_in_reads_english() -> None:
    assert names("xx") == names("en")

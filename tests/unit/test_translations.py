"""All texts of the page are translated to every language. docs/translating.md describes how."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.template import Context, Engine
from django.template.loader_tags import IncludeNode
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

from tests.servers import ROOT

CATALOGS = sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po"))
PLACEHOLDER = re.compile(r"\{\w+\}|%\(\w+\)s|<[^>]+>")
PLURAL_CONTEXTS = {"zero", "two", "few", "many"}  # Of languages that have more than two forms.
MARKERS = {"_", "gettext", "gettext_lazy"}

IN_ARGUMENT = re.compile(r'_\("([^"]*)"\)')

Text = tuple[str, str]  # The context, or "", and the text.

pytestmark = pytest.mark.parametrize("catalog", CATALOGS, ids=lambda path: path.parts[-3])


def texts() -> set[Text]:
    """All that is marked for translation, in templates and code."""
    found: set[Text] = set()
    engine = Engine.get_default()
    for template in (ROOT / "templates").rglob("*.*"):
        found |= set(template_texts(engine.from_string(template.read_text()).nodelist))
    for script in (ROOT / "chat").rglob("*.py"):
        found |= set(code_texts(ast.parse(script.read_text())))
    return found


def template_texts(nodes: Iterable[object]) -> Iterator[Text]:
    for node in nodes:
        if isinstance(node, TranslateNode):
            yield context_of(node), node.filter_expression.var.literal
        elif isinstance(node, BlockTranslateNode):
            yield context_of(node), node.render_token_list(node.singular)[0]
        elif isinstance(node, IncludeNode):  # `{% include ... with title=_("...") %}`
            arguments = (IN_ARGUMENT.fullmatch(str(value.token)) for value in node.extra_context.values())
            yield from (("", match[1]) for match in arguments if match)
        for children in getattr(node, "child_nodelists", ()):
            yield from template_texts(getattr(node, children, None) or ())


def context_of(node: TranslateNode | BlockTranslateNode) -> str:
    return str(node.message_context.resolve(Context())) if node.message_context else ""


def code_texts(tree: ast.AST) -> Iterator[Text]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKERS:
            assert isinstance(node.args[0], ast.Constant)
            yield "", str(node.args[0].value)


def read(catalog: Path) -> dict[Text, polib.POEntry]:
    return {(entry.msgctxt or "", entry.msgid): entry for entry in polib.pofile(str(catalog)) if not entry.obsolete}


def needed(catalog: Path) -> set[Text]:
    """What this language needs: not the forms that only others have."""
    has_more_forms = int(re.findall(r"\d+", polib.pofile(str(catalog)).metadata["Plural-Forms"])[0]) > 2
    return {text for text in texts() if has_more_forms or text[0] not in PLURAL_CONTEXTS}


def test_nothing_is_missing_or_unsure_or_left_over(catalog: Path) -> None:
    entries = read(catalog)
    missing = sorted(text for _, text in needed(catalog) - {key for key, entry in entries.items() if entry.msgstr})
    unsure = sorted(entry.msgid for entry in entries.values() if entry.fuzzy)
    left_over = sorted(text for _, text in entries.keys() - texts())
    assert not missing, "not translated, see docs/translating.md:\n" + "\n".join(missing)
    assert not unsure, "marked as fuzzy; look at each and take the mark away:\n" + "\n".join(unsure)
    assert not left_over, "used nowhere any more:\n" + "\n".join(left_over)


def test_placeholders_and_tags_are_those_of_the_original(catalog: Path) -> None:
    for entry in read(catalog).values():
        assert sorted(PLACEHOLDER.findall(entry.msgstr)) == sorted(PLACEHOLDER.findall(entry.msgid)), entry.msgid


def test_the_compiled_catalog_is_made_of_this_one(catalog: Path) -> None:
    """Chatty runs where gettext isn't installed, so what it compiles is in the repository."""
    compiled = {(e.msgctxt or "", e.msgid): e.msgstr for e in polib.mofile(str(catalog.with_suffix(".mo")))}
    assert compiled == {key: entry.msgstr for key, entry in read(catalog).items() if entry.msgstr}, (
        "expected the .mo of this .po: manage.py compilemessages"
    )


def test_the_language_is_offered(catalog: Path) -> None:
    assert catalog.parts[-3].lower().replace("_", "-") in dict(settings.LANGUAGES)

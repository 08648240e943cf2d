"""The template tags for hosts' pages."""

import html
import re

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.utils import translation


def rendered(tag: str) -> str:
    return html.unescape(Template("{% load chatty %}{% " + tag + " %}").render(Context({"slug": "support"})))


def test_a_room_is_a_frame_of_the_same_site() -> None:
    with translation.override("de"):
        assert rendered('chatty_room "support" height="30rem"') == (
            '<iframe class="chatty-room" src="/chatty/support?embed=1&theme=system&lang=de&header=full" title="Chat" '
            'width="100%" height="480" frameborder="0" allow="clipboard-write"></iframe>'
        )


def test_it_takes_the_hosts_looks_and_no_markup() -> None:
    tag = rendered("""chatty_room slug theme="dark" lang="en" header="none" accent="#6d28d9" font='Georgia, "A"'""")
    assert "&theme=dark&lang=en&header=none&accent=%236d28d9&font=Georgia%2C+%22A%22" in tag
    made = Template("{% load chatty %}{% chatty_room slug label=label %}")
    text = made.render(Context({"slug": "support", "label": '"><script>'}))
    assert "<script>" not in text


@pytest.mark.parametrize(
    ("height", "attribute"), [("480px", "480"), ("480", "480"), ("20.5rem", "328"), ("75%", "75%")]
)
def test_a_height_needs_no_style(height: str, attribute: str) -> None:
    tag = rendered(f'chatty_room "support" height="{height}"')
    assert re.search(r'height="([^"]*)"', tag)[1] == attribute  # type: ignore[index]
    assert "style" not in tag


@pytest.mark.parametrize("tag", ['chatty_room "Our room"', 'chatty_room ""', 'chatty_room "a" height="tall"'])
def test_what_cant_be_is_said_with_what_is_expected(tag: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="expected"):
        rendered(tag)

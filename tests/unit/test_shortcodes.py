"""The page's suggested shortcodes agree with the server's."""

import re
from pathlib import Path

from chat.content.markdown_rules import SHORTCODES

SCRIPT = Path(__file__).resolve().parents[2] / "static/chat/js/kit/shortcodes.js"


def test_offered_shortcodes_are_the_servers() -> None:
    offered = dict(re.findall(r"(\S+)\s+(\S+)", SCRIPT.read_text().split("`")[3]))
    assert len(offered) > 200
    assert offered.items() <= SHORTCODES.items()

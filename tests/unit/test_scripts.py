"""The page names all its scripts, and no other."""

import re

from django.template.loader import render_to_string

from chat.web.page_scripts import page_scripts
from tests.unit.test_bus_rule import MAIN, ROOT, imports


def test_page_has_the_browser_fetch_each_script_that_will_be_imported() -> None:
    needed, waiting = {MAIN}, [MAIN]
    while waiting:
        found = set(imports(waiting.pop())) - needed
        needed |= found
        waiting += found
    assert {ROOT / "static" / script for script in page_scripts()} == needed
    assert len(page_scripts()) == len(needed)
    page = render_to_string("chat/room.html", {"scripts": page_scripts()})
    assert len(re.findall(r'<link rel="modulepreload" href="[^"]+\.js">', page)) == len(needed)

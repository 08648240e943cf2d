"""The README's settings agree with the code."""

import ast
import re

from chatty_project import env
from tests.servers import ROOT

README = (ROOT / "README.md").read_text()


def test_the_readmes_table_is_the_readers_table() -> None:
    assert env.table() in README, "README.md: expected this table:\n" + env.table()


def test_every_default_in_the_table_is_what_the_reader_gives() -> None:
    for setting in env.SETTINGS:
        shown = re.match(r"`([^`]*)`", setting.shown)
        assert not shown or shown[1] == setting.default, setting.name


def test_nothing_else_is_read_from_the_environment() -> None:
    """Only env.read() looks at the environment: a setting can't exist without its line in the table."""
    others = []
    for folder in ("chat", "chatty_project"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"):
                    line = text.splitlines()[node.lineno - 1]
                    if "env.read(os.environ)" not in line and "DJANGO_SETTINGS_MODULE" not in line:
                        others.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert others == []


def test_every_setting_has_its_use() -> None:
    code = (
        "".join(
            path.read_text()
            for path in (ROOT / "chatty_project").glob("*.py")
            if path.name not in ("env.py", "__init__.py")
        )
        + (ROOT / "chatty_project/management/commands/runserver.py").read_text()
    )
    for setting in env.SETTINGS:
        assert f"env.{setting.name}]" in code, setting.name

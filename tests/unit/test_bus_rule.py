"""The rule of the front end: modules talk over the bus, and docs/front-end.md says what travels on it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "static/chat/js"
DOCS = (ROOT / "docs/front-end.md").read_text()

IMPORT = re.compile(r"""^(?:import\b[^;"']*|export\b[^;"'(=]*\bfrom\s*)["']([^"']+)["'](;?)""", re.MULTILINE)
CONSTANT = re.compile(r'^export const ([A-Z_]+) = name\("([^"]+)"\);$', re.MULTILINE)

EVENTS = SCRIPTS / "events.js"
MAIN = SCRIPTS / "main.js"
LAUNCH = SCRIPTS / "launch.js"
# No modules: one must run before the page is painted, one is the offline page's, which has no others.
CLASSIC = {SCRIPTS / "theme-early.js", SCRIPTS / "offline-retry.js"}
HELPERS = sorted((SCRIPTS / "lib").glob("*.js"))
MODULES = sorted({*SCRIPTS.glob("*.js"), *SCRIPTS.glob("examples/*.js")} - {EVENTS, MAIN, LAUNCH, *CLASSIC})
CONSTANTS: dict[str, str] = dict(CONSTANT.findall(EVENTS.read_text()))


def imports(script: Path) -> list[Path]:
    return [(script.parent / target).resolve() for target, _ in IMPORT.findall(script.read_text())]


def by_name(path: Path) -> str:
    return path.relative_to(SCRIPTS).as_posix()


@pytest.mark.parametrize("module", MODULES, ids=by_name)
def test_module_imports_the_bus_and_pure_helpers_only(module: Path) -> None:
    assert set(imports(module)) <= {EVENTS, *HELPERS}


@pytest.mark.parametrize("helper", HELPERS, ids=by_name)
def test_helper_knows_neither_bus_nor_modules(helper: Path) -> None:
    assert set(imports(helper)) <= set(HELPERS)


def test_only_launch_knows_the_modules_and_it_knows_them_all() -> None:
    assert imports(EVENTS) == []
    assert set(imports(MAIN)) == {EVENTS, LAUNCH}
    assert set(imports(LAUNCH)) == {EVENTS, *(module for module in MODULES if module.parent == SCRIPTS)}


@pytest.mark.parametrize("script", [MAIN, LAUNCH, *MODULES, *HELPERS], ids=by_name)
def test_imports_are_relative_and_end_with_a_semicolon(script: Path) -> None:
    """What the hashing of file names in production asks for."""
    text = script.read_text()
    assert len(re.findall(r"^import\b", text, re.MULTILINE)) == len(IMPORT.findall(text))
    assert "import(" not in text
    for target, semicolon in IMPORT.findall(text):
        assert target.startswith(("./", "../"))
        assert semicolon


@pytest.mark.parametrize("module", MODULES, ids=by_name)
def test_module_exports_mount_only_and_stays_small(module: Path) -> None:
    text = module.read_text()
    assert re.findall(r"^export (?:async )?(?:function|const|class|default) ?(\w*)", text, re.MULTILINE) == ["mount"]
    assert len(text.splitlines()) < 250


def test_only_one_place_turns_html_into_nodes() -> None:
    html = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML"
    )
    assert [by_name(script) for script in SCRIPTS.rglob("*.js") if html.search(script.read_text())] == [
        "lib/safe-html.js"
    ]


def test_only_the_socket_module_knows_the_websocket_and_only_main_makes_a_global() -> None:
    scripts = list(SCRIPTS.rglob("*.js"))
    assert [by_name(script) for script in scripts if "new WebSocket" in script.read_text()] == ["socket.js"]
    assigned = re.compile(r"\b(?:window|globalThis|self)\.\w+\s*=[^=]")
    assert [by_name(script) for script in scripts if assigned.search(script.read_text())] == ["main.js"]


@pytest.mark.parametrize("constant", CONSTANTS)
def test_event_is_published_and_listened_to(constant: str) -> None:
    assert publishers(constant)
    assert any(re.search(rf"\[{constant}\]", module.read_text()) for module in MODULES)


def test_documented_events_are_those_that_exist_and_their_publishers_those_that_publish() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| `([^`]+)` \|[^|]*\| ([^|]*) \|$", DOCS, re.MULTILINE)
    assert {constant: name for constant, name, _ in rows} == CONSTANTS
    for constant, _, documented in rows:
        assert documented.split(", ") == publishers(constant), constant


def test_documented_files_are_those_that_exist() -> None:
    table = DOCS[DOCS.index("| file |") : DOCS.index("## The rule")]
    documented = set(
        re.findall(r"`([a-z-]+\.js)`", "\n".join(row.split("|")[1] for row in table.splitlines() if "|" in row))
    )
    assert documented == {script.name for script in SCRIPTS.glob("*.js")}


def test_documented_example_is_the_module_that_a_browser_test_mounts() -> None:
    example = SCRIPTS / "examples/word-count.js"
    blocks = re.findall(r"^```js\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)
    assert example.read_text() in blocks
    assert example.relative_to(ROOT).as_posix() in DOCS
    assert "examples/word-count.js" in (ROOT / "tests/browser/test_bus.py").read_text()


def publishers(constant: str) -> list[str]:
    """The modules that publish an event; what the wire brings is published by the socket module, by a table."""
    said = re.compile(rf"publish\(\s*{constant}\b|^  \w+: {constant},$", re.MULTILINE)
    return sorted(script.stem for script in [LAUNCH, *MODULES] if said.search(script.read_text()))

"""The front end's rule: areas communicate over the bus, and docs/front-end.md lists its events."""

import re
from pathlib import Path

import pytest

from chat.protocol import events
from chat.protocol.errors import RefusalCode

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "static/chat/js"
DOCS = (ROOT / "docs/front-end.md").read_text()

IMPORT = re.compile(r"""^(?:import\b[^;"']*|export\b[^;"'(=]*\bfrom\s*)["']([^"']+)["'](;?)""", re.MULTILINE)
CONSTANT = re.compile(r'^export const ([A-Z_]+) = (?:name|lasting)\("([^"]+)"\);$', re.MULTILINE)

EVENTS = SCRIPTS / "app/events.js"
MAIN = SCRIPTS / "app/main.js"
LAUNCH = SCRIPTS / "app/launch.js"
PAGE = SCRIPTS / "app/page.js"
# No modules: one must run where a module is missing, two before the page is painted, one is the offline page's, and one
# is other sites'.
CLASSIC = {
    SCRIPTS / name
    for name in (
        *("connection/fresh-page.js", "shell/theme-early.js", "shell/offline-retry.js"),
        *("embed/embed-early.js", "embed/element.js"),
    )
}
SCRIPTS_OF_AREAS = sorted({*SCRIPTS.rglob("*.js")} - {EVENTS, MAIN, LAUNCH, PAGE, *CLASSIC})
MOUNT = re.compile(r"^export (?:async )?function mount\b", re.MULTILINE)
MODULES = [script for script in SCRIPTS_OF_AREAS if MOUNT.search(script.read_text())]
SOCKET = SCRIPTS / "connection/socket.js"
SERVER_EVENTS = SCRIPTS / "connection/server-events.js"  # The names of the events that `SOCKET` publishes.
HELPERS = [script for script in SCRIPTS_OF_AREAS if script not in MODULES]
KIT = SCRIPTS / "kit"
PAYLOADS = (SCRIPTS / "app/payloads.d.ts").read_text()
WIRE = (KIT / "wire.d.ts").read_text()
CONSTANTS: dict[str, str] = dict(CONSTANT.findall(EVENTS.read_text()))


def imports(script: Path) -> list[Path]:
    return [(script.parent / target).resolve() for target, _ in IMPORT.findall(script.read_text())]


def by_name(path: Path) -> str:
    return path.relative_to(SCRIPTS).as_posix()


def area(script: Path) -> str:
    return script.relative_to(SCRIPTS).parts[0]


@pytest.mark.parametrize("script", SCRIPTS_OF_AREAS, ids=by_name)
def test_an_area_imports_its_own_files_the_kit_and_the_bus_only(script: Path) -> None:
    assert {area(target) for target in imports(script) if target != EVENTS} <= {area(script), "kit"}


@pytest.mark.parametrize("script", sorted(KIT.glob("*.js")), ids=by_name)
def test_the_kit_knows_neither_the_bus_nor_an_area(script: Path) -> None:
    assert {target.parent for target in imports(script)} <= {KIT}
    assert script in HELPERS


def test_styles_and_templates_are_sorted_into_the_areas_of_the_scripts() -> None:
    areas = {path.name for path in SCRIPTS.iterdir() if path.is_dir()}
    folders = [ROOT / "static/chat/css", ROOT / "templates/chat"]
    assert {path.name for folder in folders for path in folder.iterdir() if path.is_dir()} <= areas | {"admin"}


def test_only_launch_imports_modules_of_all_areas() -> None:
    assert imports(EVENTS) == []
    assert set(imports(MAIN)) == {EVENTS, PAGE}
    assert set(imports(PAGE)) == {EVENTS, LAUNCH, KIT / "room-names.js"}
    example = SCRIPTS / "examples/word-count.js"
    mounted = {target for target in imports(LAUNCH) if target.parent != KIT}
    assert mounted == {EVENTS, *MODULES} - {example}


@pytest.mark.parametrize("script", [MAIN, LAUNCH, PAGE, *MODULES, *HELPERS], ids=by_name)
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
        "kit/safe-html.js"
    ]


def test_only_one_transport_knows_the_websocket_and_only_main_makes_a_global() -> None:
    scripts = list(SCRIPTS.rglob("*.js"))
    transport = "connection/transports/websocket.js"
    assert [by_name(script) for script in scripts if "new WebSocket" in script.read_text()] == [transport]
    assigned = re.compile(r"\b(?:window|globalThis|self)\.\w+\s*=[^=]")
    assert [by_name(script) for script in scripts if assigned.search(script.read_text())] == ["app/main.js"]


def test_only_the_key_stack_listens_for_escape() -> None:
    assert [by_name(script) for script in SCRIPTS.rglob("*.js") if '"Escape"' in script.read_text()] == [
        "kit/key-stack.js"
    ]


@pytest.mark.parametrize("constant", CONSTANTS)
def test_event_is_published_and_listened_to(constant: str) -> None:
    assert publishers(constant)
    listens = re.compile(rf"\[{constant}\]|subscribe\({constant}\b")
    assert any(listens.search(module.read_text()) for module in [PAGE, *MODULES])


def areas_of(constant: str) -> set[str]:
    """The areas that publish or subscribe to an event."""
    named = re.compile(
        rf"{publishing(constant)}|\[{constant}\]|subscribe\({constant}\b|^  \w+: {constant},$", re.MULTILINE
    )
    return {module.parent.name for module in [PAGE, *MODULES] if named.search(published_in(module))}


# Facts and requests of one area that its own modules ask for so far; others may, as the browser tests do.
OF_ONE_AREA = {"COMPOSER_ESCAPED", "RETRY_CONNECTION", "TIMELINE_TRIMMED"}


@pytest.mark.parametrize("constant", CONSTANTS)
def test_bus_carries_what_concerns_several_areas(constant: str) -> None:
    """Modules of one area use signals or function calls instead."""
    assert (len(areas_of(constant)) == 1) == (constant in OF_ONE_AREA) or constant == "APP_LAUNCHED"


@pytest.mark.parametrize("signals", sorted(SCRIPTS.rglob("signals.js")), ids=by_name)
def test_signal_is_emitted_and_listened_to_in_its_area(signals: Path) -> None:
    area = "\n".join(script.read_text() for script in signals.parent.glob("*.js") if script != signals)
    names = re.findall(r"^export const (\w+) = signal\(\);$", signals.read_text(), re.MULTILINE)
    assert names
    assert [name for name in names if f"{name}.emit(" not in area or f"{name}.listen(" not in area] == []


def test_documented_events_are_those_that_exist_and_their_publishers_those_that_publish() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| `([^`]+)` \|[^|]*\| ([^|]*) \|$", DOCS, re.MULTILINE)
    assert {constant: name for constant, name, _ in rows} == CONSTANTS
    for constant, _, documented in rows:
        assert documented.split(", ") == publishers(constant), constant


def test_payload_of_every_event_has_a_type() -> None:
    payloads = PAYLOADS[PAYLOADS.index("interface Payloads {") :]
    assert re.findall(r'^  "([a-z:-]+)": ', payloads, re.MULTILINE) == list(CONSTANTS.values())


@pytest.mark.parametrize("module", MODULES, ids=by_name)
def test_module_is_checked_against_the_types(module: Path) -> None:
    """Without its type, `mount` could publish anything."""
    mount = re.search(r"^(.*)\nexport (?:async )?function mount\((.)", module.read_text(), re.MULTILINE)
    assert mount
    assert mount[2] == ")" or mount[1] == "/** @param {Mounting} at */"


def test_types_of_the_wire_are_the_protocols() -> None:
    union = WIRE[WIRE.index("type RefusalCode =") :].split(";", 1)[0]
    assert set(re.findall(r'"(\w+)"', union)) == set(RefusalCode)
    server_events = WIRE[WIRE.index("interface ServerEvents {") :].split("\n  }", 1)[0]
    assert set(re.findall(r"^    (\w+): ", server_events, re.MULTILINE)) == {
        event.__struct_config__.tag for event in events.EVENTS
    }


def test_documented_files_are_those_that_exist() -> None:
    table = DOCS[DOCS.index("| file |") : DOCS.index("## The rule")]
    first_column = "\n".join(row.split("|")[1] for row in table.splitlines() if "|" in row)
    documented = set(re.findall(r"`([a-z-]+/[a-z-]+\.js)`", first_column))
    assert documented == {by_name(script) for script in (EVENTS, MAIN, LAUNCH, PAGE, *CLASSIC, *MODULES)} - {
        "examples/word-count.js"
    }


def test_documented_example_is_the_module_that_a_browser_test_mounts() -> None:
    example = SCRIPTS / "examples/word-count.js"
    blocks = re.findall(r"^```js\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)
    assert example.read_text() in blocks
    assert example.relative_to(ROOT).as_posix() in DOCS
    assert "examples/word-count.js" in (ROOT / "tests/browser/test_bus.py").read_text()


def publishers(constant: str) -> list[str]:
    """The modules that publish an event."""
    said = re.compile(rf"{publishing(constant)}|^  \w+: {constant},$", re.MULTILINE)
    return sorted(script.stem for script in [LAUNCH, PAGE, *MODULES] if said.search(published_in(script)))


def published_in(script: Path) -> str:
    """A script with the names of what it publishes. The socket's are in a table of their own."""
    return script.read_text() + (SERVER_EVENTS.read_text() if script == SOCKET else "")


def publishing(constant: str) -> str:
    """How a module publishes an event; a command by `request`, mostly."""
    return rf"publish\(\s*{constant}\b" + (r"|\brequest\(events" if constant == "SEND_COMMAND" else "")

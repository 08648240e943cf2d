"""docs/protocol.md agrees with chat/protocol, name by name. Tests prove the promises in other documents."""

import re
from pathlib import Path

import msgspec
import pytest

from chat import api
from chat.api import errors as errors_of_the_api
from chat.protocol import commands, constants, errors, events

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "protocol.md").read_text()


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found, f"docs/protocol.md has no section {title}"
    return found[1]


def rows(title: str) -> dict[str, list[str]]:
    """The section's first table: the first column without its ticks, and the others."""
    table = section(title).strip().split("\n\n")
    table = [block for block in table if block.startswith("|")][:1]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]
    return {first.strip("`"): rest for first, *rest in cells}


def documented_fields(cell: str) -> dict[str, bool]:
    """Field names, and whether each may be missing."""
    return {name.rstrip("?"): name.endswith("?") for name in re.findall(r"`([a-z_]+\??)`", cell)}


def fields(struct: type[msgspec.Struct]) -> dict[str, bool]:
    may_leave_out = struct.__struct_config__.omit_defaults or issubclass(struct, commands.Command)
    optional = {
        field.encode_name
        for field in msgspec.structs.fields(struct)
        if field.default in (None, msgspec.UNSET) or (may_leave_out and field.default is not msgspec.NODEFAULT)
    }
    return {
        field.encode_name: field.encode_name in optional
        for field in msgspec.structs.fields(struct)
        if not (field.encode_name == "id" and "id" in optional)  # Any command may have one: "Request ids" says it.
    }


@pytest.mark.parametrize(("title", "structs"), [("Commands", commands.COMMANDS), ("Events", events.EVENTS)])
def test_commands_and_events_are_documented_with_their_fields(
    title: str, structs: tuple[type[msgspec.Struct], ...]
) -> None:
    documented = {kind: documented_fields(cells[0]) for kind, cells in rows(title).items()}
    assert documented == {str(struct.__struct_config__.tag): fields(struct) for struct in structs}


def test_the_welcome_is_explained_field_by_field() -> None:
    explained = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", section("Events").split("`welcome` in detail")[1], re.M)
    names = [name for cell in explained for name in re.findall(r"`([a-z_]+)`", cell)]
    assert sorted(names) == sorted(fields(events.Welcome))


def test_refusals_are_documented() -> None:
    assert list(rows("Refusals")) == [code.value for code in errors.RefusalCode]


def test_close_codes_are_documented() -> None:
    assert list(rows("Close codes")) == [str(code.value) for code in errors.CloseCode]


def test_limits_are_documented() -> None:
    for number in (
        f"1 to {constants.NAME_LIMIT} characters",
        f"1 to {constants.BODY_LIMIT:,} characters",
        f"within {constants.JOIN_SECONDS} s",
        f"every {constants.TYPING_SECONDS} s",
        f"(1 to {constants.PAGE_LIMIT})",
        f"(1 to {constants.FOUND_LIMIT})",
        f"at most {constants.QUERY_LIMIT} characters",
        f"newest page ({constants.WELCOME_MESSAGES})",
        f"up to {constants.WELCOME_MEMBERS} members",
        f"over {constants.FRAME_LIMIT_BYTES // 1024} KiB",
        f"at most {constants.REACTION_KINDS_LIMIT} different",
        f"{constants.REACTIONS_LIMIT} reactions in",
        f"up to {constants.MODERATION_REASON_LIMIT} characters",
        f"to {constants.SLOW_LIMIT_SECONDS:,}",
        f"at most {constants.BAN_LIMIT_MINUTES:,}",
        f"1 to {constants.REQUEST_ID_LIMIT} ASCII characters",
        f"`v` is {constants.PROTOCOL_VERSION}",
    ):
        assert number in DOCUMENT


def test_what_the_hosts_code_may_use_is_documented() -> None:
    text = (ROOT / "docs" / "embedding.md").read_text()
    twins = {name for name in api.__all__ if name[0] == "a" and name[1:] in api.__all__}
    assert len(twins) == 5
    for name in [*api.__all__, "message_posted", "member_joined"]:
        assert re.search(rf"\b{name}\b", text), name
    drawn = set(re.findall(r"[├└]── (\w+)", str(errors_of_the_api.__doc__))) | {"ChattyError"}
    classes = {name for name in api.__all__ if isinstance(getattr(api, name), type)}
    assert drawn == {name for name in classes if issubclass(getattr(api, name), api.ChattyError)}


def test_the_tests_that_other_documents_name_exist() -> None:
    tests = {path.relative_to(ROOT).as_posix(): path.read_text() for path in (ROOT / "tests").rglob("*.py")}
    for name in ("security.md", "reliability.md"):
        text = (ROOT / "docs" / name).read_text()
        for test in set(re.findall(r"\btest_\w+(?!\w*\.py)\b", text)) - {"test_x"}:
            assert any(f"def {test}(" in code for code in tests.values()), f"{name}: {test}"
        for path in set(re.findall(r"tests/[\w/]+\.py", text)):
            assert path in tests, f"{name}: {path}"


def test_every_threat_is_shown_by_a_test() -> None:
    threats = (ROOT / "docs" / "security.md").read_text().partition("## Threats")[2].partition("\n## ")[0]
    rows = [line for line in threats.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 15
    assert all("test_" in row.split("|")[4] for row in rows)

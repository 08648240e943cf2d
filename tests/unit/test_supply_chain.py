"""Installed packages are pinned, and the repository contains no secrets."""

import json
import re
from pathlib import Path

import pytest

from chatty_project import env
from tests.servers import ROOT

NOT_OURS = {
    *(".git", ".venv", "var", "staticfiles", "node_modules"),
    *(".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".import_linter_cache"),
}
SECRETS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    re.compile(r"""(?i)\b[a-z_]*(?:secret|passw|api|token)[a-z_]*["']?\s*[:=]\s*["'][A-Za-z0-9_+/=-]{20,}["']"""),
    re.compile(r"\b(?:AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[bp]-[A-Za-z0-9-]{20,})\b"),
)


def files() -> list[Path]:
    found = [path for path in ROOT.rglob("*") if not NOT_OURS & set(path.relative_to(ROOT).parts)]
    return [path for path in found if path.is_file() and not path.name.endswith((".pyc", ".png"))]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-bench.txt"])
def test_every_requirement_is_pinned_with_a_hash(name: str) -> None:
    lines = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    requirements = [line for line in lines if line.strip() and not line.strip().startswith("#")]
    assert len(requirements) > 20
    for requirement in requirements:
        assert re.match(r"[A-Za-z0-9._-]+(\[\w+\])?==\S+ ", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement
    assert "--require-hashes" in (ROOT / "bin" / "_venv").read_text()


def test_every_npm_package_is_pinned_with_a_hash_and_names_no_registry() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert set(packages.pop("")["dependencies"]) == {"esbuild"}  # Production may have it; the others only check.
    assert len(packages) > 1
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
    assert "npm ci --ignore-scripts" in (ROOT / "bin/test").read_text()


def test_no_secret_is_in_the_repository() -> None:
    found = []
    for path in files():
        text = path.read_text(errors="replace")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for secret in SECRETS for match in secret.finditer(text)]
    assert found == []
    assert env.read({})[env.SECRET_KEY] == ""
    assert {"/var/", "/.env"} <= set((ROOT / ".gitignore").read_text().split())

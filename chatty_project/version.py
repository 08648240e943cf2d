"""The version of Chatty that runs from this folder."""

import functools
import tomllib
from pathlib import Path

_PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


@functools.cache
def version() -> str:
    """The version, such as "0.1.0"."""
    return str(tomllib.loads(_PROJECT.read_text())["project"]["version"])

"""Adds Bootstrap's stylesheet to the wheel, at the path where the project's settings have it: chat/bootstrap/."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Static files with hashed names need the map as well, because the stylesheet names it.
FILES = ("LICENSE", "css/bootstrap-reboot.min.css", "css/bootstrap-reboot.min.css.map")


class BootstrapHook(BuildHookInterface[Any]):
    """Finds the files in the package bootstrap-wrapper, so that the repository needs no copy of them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        spec = find_spec("bootstrap")
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError("bootstrap-wrapper is not installed; expected what build-system.requires lists")
        folder = Path(spec.submodule_search_locations[0])
        for name in FILES:
            build_data["force_include"][str(folder / name)] = f"chat/static/chat/bootstrap/{name}"

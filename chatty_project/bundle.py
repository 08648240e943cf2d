"""Bundles the page's scripts and stylesheets into one file each, with esbuild: a tenth of the requests.

    npm ci --omit=dev --ignore-scripts    # Installs the bundler that package-lock.json pins.

The bundler is optional. Without it, the page loads its modules one by one, as in development.
"""

import subprocess  # nosec B404  # It runs the bundler with fixed arguments.
from pathlib import Path

from chat.web.page_files import BUNDLED_ENTRY, BUNDLED_STYLES, ENTRY, STYLES

BUNDLER = Path(__file__).parents[1] / "node_modules" / ".bin" / "esbuild"
OPTIONS = ("--bundle", "--minify", "--sourcemap", "--log-level=warning", "--charset=utf8")
SECONDS = 60


class BundleError(OSError):
    """The bundler failed."""


def make(root: Path) -> list[str]:
    """Bundles the collected static files in `root`. Returns the names of the new files; none without a bundler.

    Raises:
        BundleError: the bundler couldn't be started, or refused the files.
    """
    if not BUNDLER.exists():
        return []
    styles = "".join(f'@import "./{name}";\n' for name in STYLES)
    _run(root, [ENTRY, "--format=esm", f"--outfile={BUNDLED_ENTRY}"])
    _run(root, ["--loader=css", f"--outfile={BUNDLED_STYLES}"], styles)
    made = [BUNDLED_ENTRY, BUNDLED_STYLES]
    return [*made, *(f"{name}.map" for name in made)]


def _run(root: Path, arguments: list[str], given: str = "") -> None:
    command = [str(BUNDLER), *arguments, *OPTIONS]
    try:
        subprocess.run(  # nosec B603
            command, cwd=root, input=given, capture_output=True, text=True, check=True, timeout=SECONDS
        )
    except subprocess.CalledProcessError as error:
        raise BundleError(f"{BUNDLER} can't bundle the page's files: {error.stderr.strip()}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BundleError(f"{BUNDLER} can't be run: {error}") from error

"""Static files under names that hold their hash, so that browsers keep them for ever, and compressed beforehand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from servestatic.storage import CompressedManifestStaticFilesStorage

from chatty_project import bundle


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # ServeStatic has no types.
    """Hashes the names inside JavaScript's imports too: a hashed module imports hashed modules only."""

    support_js_module_import_aggregation = True

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        """Also makes the page's bundle of the files that were gathered."""
        if not dry_run:
            paths = {**paths, **{name: (self, name) for name in bundle.make(Path(self.location))}}
        yield from super().post_process(paths, dry_run, **options)

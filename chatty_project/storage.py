"""Static files with hashes in their names, so that browsers cache them permanently. Compressed in advance."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from servestatic.storage import CompressedManifestStaticFilesStorage

from chatty_project import bundle


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # ServeStatic has no types.
    """Also replaces the names in JavaScript's imports, so that a hashed module imports only hashed modules."""

    support_js_module_import_aggregation = True

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        """Also makes the page's bundle of the collected files."""
        if not dry_run:
            paths = {**paths, **{name: (self, name) for name in bundle.make(Path(self.location))}}
        yield from super().post_process(paths, dry_run, **options)

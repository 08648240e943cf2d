"""Static files under names that hold their hash, so that browsers keep them for ever, and compressed beforehand."""

from servestatic.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # ServeStatic has no types.
    """Hashes the names inside JavaScript's imports too: a hashed module imports hashed modules only."""

    support_js_module_import_aggregation = True

"""Sets the number of Hypothesis's examples."""

from typing import Any

from hypothesis import settings

USUAL = 100  # Hypothesis' own default.


def thorough(examples: int, **options: Any) -> settings:
    """Settings of a test that wants so many. `bin/test --quick` tries a fifth of them, as of all others."""
    assert settings.default
    return settings(max_examples=examples * settings.default.max_examples // USUAL, **options)

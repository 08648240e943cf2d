"""Sets the number of Hypothesis's examples."""

from typing import Any

from hypothesis import settings

ALL = 100  # Hypothesis' own default: `--thorough` tries so many where a test doesn't say how many.


def examples(count: int, **options: Any) -> settings:
    """Settings of a test that tries so many with `--thorough`, and a fifth of them without, as all others."""
    assert settings.default
    return settings(max_examples=count * settings.default.max_examples // ALL, **options)

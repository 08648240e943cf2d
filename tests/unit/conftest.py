"""What all unit tests have in common."""

import pytest

from chat import attendance, audience


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a room waits for to gather more, it doesn't: `fakes.tick` is shorter than a fan-out on a busy machine."""
    monkeypatch.setattr(audience, "WAIT_LIMIT_SECONDS", 0.0)
    monkeypatch.setattr(attendance, "AWAY_SECONDS", 0.0)

"""Fixtures for all unit tests."""

import pytest

from chat.rooms import broadcaster, presence


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes a room's wait between frames: `fakes.tick` is shorter than a fan-out on a busy machine."""
    monkeypatch.setattr(broadcaster, "WAIT_LIMIT_SECONDS", 0.0)
    monkeypatch.setattr(presence, "AWAY_SECONDS", 0.0)

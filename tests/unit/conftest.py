"""What all unit tests have in common."""

import pytest

from chat import audience


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fan-out that a busy machine interrupts has the next one not wait for as long: `fakes.tick` is shorter."""
    monkeypatch.setattr(audience, "WAIT_LIMIT_SECONDS", 0.0)

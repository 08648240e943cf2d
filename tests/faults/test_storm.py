"""A short storm with every kind of fault. In the end all must agree, and nothing else may be left."""

import pytest

from tests.faults.storm import Report, Storm

pytestmark = pytest.mark.alone


@pytest.mark.parametrize("seed", [20260512])
async def test_everybody_agrees_after_a_storm(seed: int) -> None:
    report: Report = await Storm(seed, seconds=20).run()
    assert report.books.violations == [], str(report)
    assert report.messages == report.acknowledged > 1000
    assert len(report.faults) >= 5
    assert report.books.repeats > 0

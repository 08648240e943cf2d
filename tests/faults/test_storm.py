"""A short storm with every kind of fault. In the end all must agree, and nothing else may be left.

The second one is the property of convergence over mixed transports: in each room a third of the members is on sockets,
a third on streams, a third on polls. All of them post, edit, delete, react and take other names.
"""

from collections.abc import Callable

import pytest

from tests.faults.storm import MIXED, Report, Storm

pytestmark = pytest.mark.alone


@pytest.mark.parametrize("seed", [20260517])
async def test_everybody_agrees_after_a_storm(seed: int, reduced: Callable[[int], int]) -> None:
    seconds = reduced(48)
    report: Report = await Storm(seed, seconds).run()
    assert report.books.violations == [], str(report)
    assert report.messages == report.acknowledged > 50 * seconds
    assert len(report.faults) >= 5
    assert report.books.repeats > 0


async def test_everybody_agrees_after_a_storm_whatever_carries_their_messages(reduced: Callable[[int], int]) -> None:
    seconds = reduced(48)
    report: Report = await Storm(20260513, seconds, members=60, posts_per_second=30, kinds=MIXED).run()
    assert report.books.violations == [], str(report)
    assert report.messages == report.acknowledged > 10 * seconds
    assert report.books.changes > 2 * seconds
    assert report.books.renames > 0

"""The rate limit of sign-in attempts."""

import os
import sys
import threading

import pytest

from chat.access.rate_limits import SWEEP_AT
from chat.web.admin_sign_in import ACCOUNT_RATE, ADDRESS_RATE, NICENESS, Hashing, SignIns


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sign_ins(clock: Clock) -> SignIns:
    return SignIns(clock)


def test_an_address_has_so_many_tries_whatever_the_account(sign_ins: SignIns, clock: Clock) -> None:
    for number in range(int(ADDRESS_RATE.burst)):
        assert not sign_ins.take("a", f"account {number}")
    wait = sign_ins.take("a", "account another")
    assert wait == pytest.approx(1 / ADDRESS_RATE.per_second)
    assert not sign_ins.take("b", "account another")
    clock.now += wait
    assert not sign_ins.take("a", "account another")


def test_an_account_has_so_many_tries_from_wherever(sign_ins: SignIns, clock: Clock) -> None:
    for number in range(int(ACCOUNT_RATE.burst)):
        assert not sign_ins.take(f"address {number}", "account mo")
    wait = sign_ins.take("new", "account mo")
    assert wait == pytest.approx(1 / ACCOUNT_RATE.per_second)
    assert not sign_ins.take("new", "browser that mo uses")
    for _ in range(int(ADDRESS_RATE.burst) - 1):  # A try that wasn't made cost the address nothing.
        assert not sign_ins.take("new", "browser that mo uses")


def test_a_try_that_succeeds_costs_nothing(sign_ins: SignIns) -> None:
    for _ in range(200):
        assert not sign_ins.take("a", "account mo")
        sign_ins.give_back("a", "account mo")


def test_who_hasnt_tried_lately_is_forgotten(sign_ins: SignIns, clock: Clock) -> None:
    for number in range(SWEEP_AT):
        sign_ins.take(f"a{number}", f"account {number}")
    clock.now += 3600
    sign_ins.take("a", "account")
    assert len(sign_ins._addresses) == len(sign_ins._accounts) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one priority for all threads of a process")
def test_passwords_are_hashed_at_a_low_priority() -> None:
    hashing = Hashing()
    priority = hashing.thread.executor.submit(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert priority.result() >= NICENESS
    hashing.thread.executor.shutdown()

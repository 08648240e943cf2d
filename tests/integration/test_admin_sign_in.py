"""Sign-in at /admin: attempts with wrong passwords are delayed, and nobody else is."""

import asyncio
import logging
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

from chat.access.rate_limits import Rate
from chat.web import admin_sign_in
from chat.web.admin_sign_in import ADDRESS_RATE, COOKIE, Hashing, SignIns

pytestmark = pytest.mark.usefixtures("database")

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def quick(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that take no time, on a thread of this test's own; and tries that nobody has used."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(admin_sign_in, "hashing", Hashing())
    sign_ins = SignIns(lambda: 1000.0)  # A clock that stands: no token comes back meanwhile.
    monkeypatch.setattr(admin_sign_in, "current_sign_ins", lambda: sign_ins)


@pytest.fixture(autouse=True)
def mo(database: str, quick: None) -> User:
    return User.objects.create_superuser("mo", password=PASSWORD)


def sign_in(name: str = "mo", password: str = "wrong", address: str = "192.0.2.1", web: Client | None = None) -> Any:
    fields = {"username": name, "password": password}
    return (web or Client()).post("/admin/login/?next=/admin/", fields, headers={"X-Forwarded-For": address})


def test_who_tries_too_often_is_told_for_how_long_to_wait(caplog: pytest.LogCaptureFixture) -> None:
    for number in range(int(ADDRESS_RATE.burst)):
        assert sign_in(f"name-{number}").status_code == 200
    failed = [record.getMessage() for record in caplog.records if record.name == "chat.web.admin_sign_in"]
    assert failed == ["A try to sign in at /admin failed: from 192.0.2.1"] * int(ADDRESS_RATE.burst)
    caplog.clear()
    for password in ("wrong", PASSWORD):
        refused = sign_in(password=password)
        assert refused.status_code == 429
        assert 0 < int(refused["Retry-After"]) <= 20
        assert f"Try again in {refused['Retry-After']} seconds." in refused.content.decode()
        assert "no-store" in refused["Cache-Control"]
    german = sign_in(web=Client(headers={"Accept-Language": "de"}))
    assert "Sekunden" in german.content.decode()
    assert len(caplog.records) == 1, "one line about refusals a minute"
    assert "refused" in caplog.text
    assert sign_in(password=PASSWORD, address="192.0.2.2").status_code == 302


def test_no_line_of_the_log_has_a_name_or_a_password(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "chat")
    for number in range(15):
        sign_in(f"secret-name-{number}", "secret-password")
    assert "secret" not in caplog.text


def test_an_account_that_strangers_try_stays_open_to_a_browser_that_has_signed_in_there() -> None:
    mine, other = Client(), Client()
    assert sign_in(password=PASSWORD, address="203.0.113.1", web=mine).status_code == 302
    cookie = mine.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/admin/login/")
    for number in range(30):
        sign_in(address=f"192.0.2.{number}")
    assert sign_in(password=PASSWORD, address="203.0.113.2", web=other).status_code == 429
    assert sign_in(password=PASSWORD, address="203.0.113.1", web=mine).status_code == 302
    # The browser's own tries have an end as well, and are for this account only.
    User.objects.create_superuser("max", password=PASSWORD)
    for number in range(30):
        sign_in("max", address=f"192.0.2.{100 + number}")
    assert sign_in("max", PASSWORD, address="203.0.113.3", web=mine).status_code == 429
    statuses = [sign_in(address=f"198.51.100.{number}", web=mine).status_code for number in range(30)]
    assert statuses == [200] * 20 + [429] * 10


def test_who_signs_in_rightly_may_do_so_again_and_again() -> None:
    assert [sign_in(password=PASSWORD).status_code for _ in range(30)] == [302] * 30


@pytest.mark.parametrize("cookie", ["", "a:b:c", '"\\000"', "x" * 4000])
def test_a_made_up_cookie_is_no_browser_that_is_known(cookie: str) -> None:
    web = Client()
    web.cookies[COOKIE] = cookie
    assert sign_in(web=web).status_code in (200, 400)


def test_who_is_no_staff_is_refused_like_a_wrong_password() -> None:
    User.objects.create_user("clerk", password=PASSWORD)
    answer = sign_in("clerk", PASSWORD)
    assert answer.status_code == 200
    assert "sessionid" not in answer.cookies


def test_an_address_is_charged_for_its_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    charged: list[tuple[str, float]] = []

    class Charges:
        def charge_cpu(self, network: str, seconds: float) -> None:
            charged.append((network, seconds))

    monkeypatch.setattr(admin_sign_in, "current_limiter", Charges)
    sign_in(address="203.0.113.77")
    ((network, seconds),) = charged
    assert network == "203.0.113.77"
    assert seconds > 0


async def test_one_password_is_hashed_at_a_time_and_who_comes_when_too_many_wait_is_sent_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admin_sign_in, "ADDRESS_RATE", Rate(0, 0))
    monkeypatch.setattr(admin_sign_in, "ACCOUNT_RATE", Rate(0, 0))
    monkeypatch.setattr(admin_sign_in, "WAITING", 5)
    may_end, at_work, most = threading.Event(), [0], [0]
    log_in = admin_sign_in._log_in

    def slow(request: Any) -> Any:
        at_work[0] += 1
        most[0] = max(most[0], at_work[0])
        assert may_end.wait(60)
        at_work[0] -= 1
        return log_in(request)

    monkeypatch.setattr(admin_sign_in, "_log_in", slow)
    fields = {"username": "mo", "password": "wrong"}
    tries = [asyncio.create_task(AsyncClient().post("/admin/login/", fields)) for _ in range(8)]
    async with asyncio.timeout(60):
        done, _ = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 3:
            done = {task for task in tries if task.done()}
            await asyncio.sleep(0.01)
        assert [task.result().status_code for task in done] == [503] * 3
        assert all(task.result()["Retry-After"] for task in done)
        may_end.set()
        answers = await asyncio.gather(*tries)
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [503] * 3
    assert most == [1]

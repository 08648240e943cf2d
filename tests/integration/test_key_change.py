"""The effect of a key change on people and moderators, on real servers."""

from contextlib import closing

import pytest

from tests import servers
from tests.client import Client
from tests.client import identity as ask_who_i_am
from tests.moderators import cookie_of, make_moderators, sign_in
from tests.servers import ChattyServer, DevelopmentServer


@pytest.mark.parametrize("kind", [ChattyServer, DevelopmentServer])
async def test_a_change_of_the_key_signs_nobody_out(kind: type[ChattyServer], request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres_url" if kind is ChattyServer else "sqlite_url")
    old, new = "the old key " * 5, "the new key " * 5
    make_moderators(url, "mo")
    with kind(DATABASE_URL=url, SECRET_KEY=old) as server, closing(sign_in(server.http_url, "mo")) as browser:
        mine = await ask_who_i_am(server.http_url)
        cookie = browser.cookies["sessionid"]
        change_key(server, SECRET_KEY=new, SECRET_KEY_FALLBACKS=old)

        for _ in range(2):  # The first look must leave the session for the second one.
            async with Client(server.http_url, "Mo", headers=cookie_of(browser)) as mo:
                assert mo.events[0].get("moderator") is True
                await mo.send(type="lock", on=True)
                assert (await mo.next("room"))["room"]["locked"] is True
                await mo.send(type="lock", on=False)
                await mo.next("room")
        async with Client(server.http_url, "Mo", headers=cookie_of(browser)) as mo:
            for _ in range(2):  # Also two pages at once: both have the old cookie.
                assert browser.get("/admin/", headers={"Cookie": f"sessionid={cookie}"}).status_code == 200
            await mo.send(type="lock", on=True)
            assert (await mo.next("room"))["room"]["locked"] is True, "/admin must not end the session of a socket"
        renewed = await ask_who_i_am(server.http_url, mine["token"])
        assert renewed["uuid"] == mine["uuid"]

        change_key(server, SECRET_KEY=new, SECRET_KEY_FALLBACKS="")
        assert browser.get("/admin/").status_code == 200, "what /admin has seen is signed with the new key"
        async with Client(server.http_url, "Mo", headers=cookie_of(browser)) as mo:
            assert mo.events[0].get("moderator") is True
        assert (await ask_who_i_am(server.http_url, renewed["token"]))["uuid"] == mine["uuid"]
        assert (await ask_who_i_am(server.http_url, mine["token"]))["uuid"] != mine["uuid"]

        change_key(server, SECRET_KEY=old + "!", SECRET_KEY_FALLBACKS="")
        assert browser.get("/admin/").status_code == 302, "a key that isn't known signs everybody out"


def change_key(server: ChattyServer, **settings: str) -> None:
    server.stop()
    server.settings |= settings
    server.start()


def test_a_changed_password_signs_out_elsewhere(server: ChattyServer) -> None:
    url = server.settings["DATABASE_URL"]
    make_moderators(url, "max")
    change = 'from django.contrib.auth.models import User; User.objects.filter(username="max").update(password="x")'
    with closing(sign_in(server.http_url, "max")) as browser:
        assert browser.get("/admin/").status_code == 200
        servers.manage("shell", "-v", "0", "-c", change, DATABASE_URL=url)
        assert browser.get("/admin/").status_code == 302

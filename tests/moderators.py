"""Makes moderators' accounts in a real database and signs them in."""

import httpx

from tests import servers

PASSWORD = "correct horse battery staple"
MAKE = f"""
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Permission, User
password = PBKDF2PasswordHasher().encode({PASSWORD!r}, "salt", iterations=1)  # A good one takes half a second.
may = Permission.objects.get(codename="moderate_room")
staff = dict(password=password, is_staff=True)
for name in {{names}}:
    User.objects.get_or_create(username=name, defaults=staff)[0].user_permissions.add(may)
User.objects.get_or_create(username="clerk", defaults=staff)
"""


def make_moderators(database_url: str, *names: str) -> None:
    """Makes staff who may moderate, and one `clerk` who may not, unless they are there already."""
    servers.manage("shell", "-v", "0", "-c", MAKE.replace("{names}", repr(names)), DATABASE_URL=database_url)


def sign_in(http_url: str, name: str, prefix: str = "") -> httpx.Client:
    """A browser, so to speak, that went through /admin/login/. `prefix`: the path that `http_url` ends with."""
    browser = httpx.Client(base_url=http_url, trust_env=False, timeout=60)
    page = browser.get("/admin/login/")
    assert page.status_code == 200, page.text
    answer = post(browser, f"/admin/login/?next={prefix}/admin/", username=name, password=PASSWORD)
    assert answer.status_code == 302, answer.text
    return browser


def post(browser: httpx.Client, path: str, **fields: object) -> httpx.Response:
    """Sends a form of the admin."""
    token = browser.cookies.get("csrftoken") or browser.cookies["chatty_csrf"]
    return browser.post(path, data={"csrfmiddlewaretoken": token, **fields}, headers={"Referer": str(browser.base_url)})


def cookie_of(browser: httpx.Client) -> dict[str, str]:
    """What the browser's handshake for a socket has."""
    return {"Cookie": f"sessionid={browser.cookies['sessionid']}", "Origin": str(browser.base_url).rstrip("/")}

"""examples/django_site, on two processes: a shop whose customers talk with its staff in the page of an order."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.frames import Framed, person_in
from tests.browser.person import Person
from tests.hosts import installed
from tests.servers import ROOT, RedisServer, Server, all_of, clean_environ, wait_until

Make = Callable[..., Person]
NewContext = Callable[..., BrowserContext]
SECONDS = 200  # For a command, on a machine that is busy with other tests.


class Shop(Server):
    """One process of the site that is in `folder`."""

    name = "shop"

    def __init__(self, site: Path, environment: dict[str, str]) -> None:
        super().__init__()
        self.site = site
        self.environment = environment

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "uvicorn", "shop.asgi:application", "--port", str(self.port)]

    def popen_options(self) -> dict[str, Any]:
        return {"cwd": self.site, "env": self.environment}

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/login", timeout=60, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def sign_in(self, page: Page, name: str) -> Page:
        """Signs in as somebody does, and is at the list of orders."""
        page.goto(self.url)
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill("demo")
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Orders")).to_be_visible()
        return page


def make_site(folder: Path, redis_url: str) -> tuple[Path, dict[str, str]]:
    """A copy of the example, with the wheel, as its README says."""
    site = folder / "site"
    shutil.copytree(
        ROOT / "examples/django_site", site, ignore=shutil.ignore_patterns("db.sqlite3*", "secret_key", "__pycache__")
    )
    settings = {"DJANGO_SETTINGS_MODULE": "shop.settings", "REDIS_URL": redis_url}
    environment = clean_environ(PYTHONPATH=f"{site}:{installed()}", **settings)
    commands = re.findall(r"^python manage\.py (.*)$", (site / "README.md").read_text(), re.MULTILINE)
    assert commands == ["migrate", "demo", "runserver"]
    for command in (*commands[:2], "makemigrations --check", "check --deploy --tag chat --fail-level WARNING"):
        done = subprocess.run(
            [sys.executable, "manage.py", *command.split()],
            cwd=site,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return site, environment


@pytest.fixture(scope="module")
def shops(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, Shop]]:
    site, environment = make_site(tmp_path_factory.mktemp("shop"), redis_server.url)
    one, other = Shop(site, environment), Shop(site, environment)
    with all_of(one, other):
        yield one, other
        assert "Traceback" not in one.log + other.log


@pytest.fixture
def customer(shops: tuple[Shop, Shop], new_context: NewContext) -> Page:
    """Dora, on the first process."""
    return shops[0].sign_in(new_context().new_page(), "dora")


@pytest.fixture
def staff(shops: tuple[Shop, Shop], new_context: NewContext) -> Page:
    """Sam, on the second process."""
    return shops[1].sign_in(new_context().new_page(), "sam")


def room_of(page: Page) -> Framed:
    return person_in(page, ".chatty-room")


def buy(page: Page, item: str) -> Framed:
    page.get_by_label("Item").fill(item)
    page.get_by_role("button", name="Order").click()
    expect(page.get_by_role("heading", name=item)).to_be_visible()
    return room_of(page)


def test_a_customer_talks_with_the_staff_and_the_shop_says_that_it_ships(
    shops: tuple[Shop, Shop], customer: Page, staff: Page, new_context: NewContext, visitor: Make
) -> None:
    dora = buy(customer, "Teapot")
    expect(dora.bodies).to_have_text([re.compile("^Thank you for your order.")])
    dora.say("Is it blue?")

    staff.reload()
    expect(staff.get_by_role("link", name=re.compile(r"Teapot Unread messages: 2$"))).to_be_visible()
    staff.get_by_role("link", name=re.compile("Teapot")).click()
    sam = room_of(staff)
    expect(sam.message("Is it blue?")).to_contain_text("Dora Fuchs")
    sam.say("It is.")
    expect(dora.message("It is.")).to_contain_text("Sam Otte")

    staff.get_by_role("button", name="Ship").click()
    expect(staff.get_by_text("Shipped on")).to_be_visible()
    for member in (dora, room_of(staff)):
        expect(member.message("Your Teapot is on its way.")).to_contain_text("The shop")

    path = customer.url.removeprefix(shops[0].url)
    number = path.rpartition("/")[2]
    emil = shops[1].sign_in(new_context().new_page(), "emil")
    expect(emil.get_by_role("link", name=re.compile("Teapot"))).to_have_count(0)
    refused = emil.goto(f"{shops[1].url}{path}")
    assert refused
    assert refused.status == 404
    for room in (f"order-{number}", "order-99"):
        for page in (visitor(emil.context), visitor()):
            page.url = f"{shops[1].url}/talk/chatty/{room}"
            page.open()
            if page.page.context is not emil.context:
                page.name_field.fill("Gus")
                page.name_field.press("Enter")
            expect(page.bar).to_contain_text("This room doesn't exist.")
            expect(page.bodies).to_have_count(0)


def test_everybody_is_in_the_public_room_a_guest_on_its_own_page(
    shops: tuple[Shop, Shop], customer: Page, staff: Page, visitor: Make
) -> None:
    members = []
    for page in (customer, staff):
        page.get_by_role("link", name=re.compile("^Support")).click()
        members.append(room_of(page))
    dora, sam = members
    gus = visitor(url=f"{shops[1].url}/talk/chatty/support").open().enter("Gus")
    gus.say("When do you open?")
    dora.say("At nine, I think.")
    sam.say("At eight.")
    for person in (dora, sam, gus):
        expect(person.bodies).to_have_text(["When do you open?", "At nine, I think.", "At eight."])
        for name in ("Dora Fuchs", "Sam Otte", "Gus"):
            expect(person.member(name)).to_have_count(1)


def test_what_is_unread_is_a_badge_in_the_sites_menu(customer: Page, staff: Page) -> None:
    buy(customer, "Kettle").say("Where is it?")
    customer.get_by_role("link", name="Support").click()  # Reading ends here.
    staff.reload()
    staff.get_by_role("link", name=re.compile("Kettle")).click()
    room_of(staff).say("On a ship.")
    menu = customer.get_by_role("navigation", name="Shop")

    def has_badge() -> bool:
        customer.reload()
        return menu.get_by_role("link", name="Orders Unread messages: 1").is_visible()

    wait_until(has_badge, 60, "the badge, once it is noted that Dora has read the others")

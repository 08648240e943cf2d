"""The page in another Django project, whose signed-in users are its members."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.person import Person
from tests.hosts import Host, HostServer

Make = Callable[..., Person]
NewContext = Callable[..., BrowserContext]
SignIn = Callable[[BrowserContext], BrowserContext]
COUNT_DIALOGS = """
window.shownDialogs = 0;
const { showModal } = HTMLDialogElement.prototype;
HTMLDialogElement.prototype.showModal = function () { shownDialogs++; showModal.call(this); };
"""
# A page of the site's, which forbids inline styles and all scripts, with a room in it.
ORDER = """
from django.http import HttpResponse
from django.template import engines

def order(request, slug):
    page = engines["django"].from_string(
        '<!doctype html><html lang="en"><title>Order</title>'
        '{% load chatty %}{% chatty_room slug height="30rem" accent="#6d28d9" %}'
    )
    headers = {"Content-Security-Policy": "default-src 'none'; frame-src 'self'"}
    return HttpResponse(page.render({"slug": slug}, request), headers=headers)

urlpatterns += [path("order/<slug:slug>", order)]
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostServer]:
    project = Host(tmp_path_factory.mktemp("host") / "project")
    project.append("urls", ORDER)
    project.manage("makemigrations", "people")
    project.manage("migrate")
    with HostServer(project) as server:
        yield server


@pytest.fixture
def url(host: HostServer, room: str) -> str:
    return f"{host.url}/talk/chatty/{room}"


@pytest.fixture
def dora(host: HostServer) -> SignIn:
    """Signs a browser in as Dora."""
    session = host.host.sign_in("dora", "Dora Fuchs")

    def sign_in(context: BrowserContext) -> BrowserContext:
        context.add_cookies([{"name": "sessionid", "value": session, "url": host.url}])
        return context

    return sign_in


def test_a_user_of_the_site_is_asked_for_no_name_and_can_choose_none(
    visitor: Make, new_context: NewContext, url: str, dora: SignIn
) -> None:
    ann = visitor(url=url).open().enter("Ann")
    page = visitor(dora(new_context()), url)
    page.page.add_init_script(COUNT_DIALOGS)
    page.open().wait_until_joined()
    expect(ann.member("Dora Fuchs")).to_be_visible()
    expect(page.member("Dora Fuchs")).to_be_visible()
    expect(page.page.get_by_role("button", name="Change your name")).to_have_count(0)
    expect(ann.page.get_by_role("button", name="Change your name")).to_be_visible()
    for command in ("/nick Captain", "/nick"):
        page.write(command).composer.press("Control+Enter")
        expect(page.page.get_by_text("Your name comes from your account.")).to_be_visible()
        assert page.run("shownDialogs") == 0, "not even for a moment"
    page.say("hello")
    expect(ann.message("hello")).to_contain_text("Dora Fuchs")


def test_an_account_is_one_person_in_all_browsers(
    visitor: Make, new_context: NewContext, url: str, dora: SignIn
) -> None:
    one, other = (visitor(dora(new_context()), url).open().wait_until_joined() for _ in range(2))
    assert one.id == other.id
    one.say("mine")
    expect(other.message("mine")).to_be_visible()
    expect(other.roster).to_have_count(1)


def test_a_guest_who_signs_in_and_out_again_is_the_same_guest(
    visitor: Make, new_context: NewContext, url: str, dora: SignIn
) -> None:
    context = new_context()
    ann = visitor(context, url).open().enter("Ann")
    guest = ann.id
    dora(context)
    ann.reload().wait_until_joined()
    expect(ann.member("Dora Fuchs")).to_be_visible()
    expect(ann.page.locator("[data-module=new-identity]")).to_be_hidden()
    assert ann.id != guest
    context.clear_cookies(name="sessionid")
    ann.reload().wait_until_joined()
    expect(ann.member("Ann")).to_be_visible()
    expect(ann.page.locator("[data-module=new-identity]")).to_be_hidden()
    assert ann.id == guest


def test_a_template_tag_puts_the_room_into_a_page_with_a_strict_policy(
    visitor: Make, new_context: NewContext, host: HostServer, url: str, room: str, dora: SignIn
) -> None:
    ann = visitor(url=url).open().enter("Ann")
    page = visitor(dora(new_context()), f"{host.url}/order/{room}").open().page
    frame = page.frame_locator(".chatty-room")
    expect(frame.locator("[data-module=connection-bar]")).to_have_attribute("data-state", "joined", timeout=20_000)
    box = page.locator(".chatty-room").bounding_box()
    assert box is not None
    assert box["height"] == 480
    field = frame.get_by_role("textbox", name="Message", exact=True)
    field.fill("hello")
    field.press("Control+Enter")
    expect(ann.message("hello")).to_contain_text("Dora Fuchs")

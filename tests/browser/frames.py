"""Somebody at a room in a frame of another page."""

from typing import Any

from playwright.sync_api import Frame, Page

from tests.browser.person import Person


class Framed(Person):
    """Somebody at the room in a frame."""

    def __init__(self, frame: Frame) -> None:
        self.page: Any = frame
        self.errors = []


def person_in(page: Page, iframe: str) -> Framed:
    """Who is in the frame that this selector finds, joined."""
    page.locator(iframe).wait_for(state="attached")
    handle = page.locator(iframe).element_handle()
    assert handle is not None
    frame = handle.content_frame()
    assert frame is not None
    frame.wait_for_url("**embed=1**")
    framed = Framed(frame)
    framed.wait_until_joined()
    return framed

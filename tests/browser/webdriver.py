"""Firefox and WebKit, driven by W3C WebDriver commands (https://www.w3.org/TR/webdriver/).

WebKitWebDriver takes them over HTTP. Firefox takes them over Marionette, its own socket, so that geckodriver isn't
needed, which only translates between the two.
"""

import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import httpx

from tests.servers import Server, wait_until

COMMAND_SECONDS = 120  # The longest command starts a browser on a busy machine.
CLICK_SECONDS = 30  # Until an element is there and can be clicked.
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # The key of an element's id, by the standard.
# What a page that is still changing answers to a click; the next try may find it settled.
PASSING_ERRORS = {
    "no such element",
    "stale element reference",
    "element not interactable",
    "element click intercepted",
}
# Command: HTTP method and path below the session's.
PATHS = {
    "Navigate": ("POST", "url"),
    "Refresh": ("POST", "refresh"),
    "GetWindowHandle": ("GET", "window"),
    "NewWindow": ("POST", "window/new"),
    "SwitchToWindow": ("POST", "window"),
    "FindElement": ("POST", "element"),
    "ElementClick": ("POST", "element/{id}/click"),
    "ElementSendKeys": ("POST", "element/{id}/value"),
    "ExecuteScript": ("POST", "execute/sync"),
}


class WebDriverError(Exception):
    """The browser refused a command. `code` is the standard's, such as "no such element"."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Transport(Protocol):
    """One session with one browser."""

    def execute(self, command: str, parameters: dict[str, Any]) -> Any:
        """The command's value. Raises WebDriverError."""


class HttpTransport:
    """A session with a driver that listens on `port`."""

    def __init__(self, port: int) -> None:
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=COMMAND_SECONDS, trust_env=False)
        session = self._request("POST", "/session", {"capabilities": {"alwaysMatch": {}}})
        self._session = f"/session/{session['sessionId']}"

    def execute(self, command: str, parameters: dict[str, Any]) -> Any:
        method, path = PATHS[command]
        return self._request(method, f"{self._session}/{path.format(**parameters)}", parameters)

    def close(self) -> None:
        """Ends the session, and the browser with it."""
        self._request("DELETE", self._session, {})
        self._http.close()

    def _request(self, method: str, path: str, parameters: dict[str, Any]) -> Any:
        content = None if method != "POST" else json.dumps(parameters)
        value = self._http.request(method, path, content=content).json()["value"]
        if isinstance(value, dict) and "error" in value:
            raise WebDriverError(value["error"], value["message"])
        return value


class MarionetteTransport:
    """A session with a Firefox whose Marionette listens on `port`.

    Both sides send arrays in JSON after their length: `31:[0, 1, "WebDriver:Refresh", {}]` is answered by
    `[1, 1, error, result]` with the same number.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), COMMAND_SECONDS)
        self._stream = self._socket.makefile("rb")
        self._number = 0
        self._read()  # Firefox greets first.
        self.execute("NewSession", {})

    def execute(self, command: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        packet = json.dumps([0, self._number, f"WebDriver:{command}", parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(packet), packet))
        _, number, error, result = self._read()
        assert number == self._number
        if error:
            raise WebDriverError(error["error"], error["message"])
        return result.get("value", result)

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def _read(self) -> Any:
        length = b""
        while (byte := self._stream.read(1)) != b":":
            if not byte:
                raise WebDriverError("session not created", "Firefox closed the connection")
            length += byte
        return json.loads(self._stream.read(int(length)))


class Browser:
    """What a person does in a browser, on the window that was chosen last."""

    def __init__(self, transport: Transport) -> None:
        self._execute = transport.execute
        self._shown = self._execute("GetWindowHandle", {})

    def new_window(self) -> str:
        """The handle of a new window."""
        handle: str = self._execute("NewWindow", {"type": "window"})["handle"]
        return handle

    def show(self, window: str) -> None:
        """Further commands go to this window."""
        if window != self._shown:
            self._execute("SwitchToWindow", {"handle": window})
            self._shown = window

    def go_to(self, url: str) -> None:
        """Returns when the page has loaded."""
        self._execute("Navigate", {"url": url})

    def reload(self) -> None:
        self._execute("Refresh", {})

    def run(self, script: str, *arguments: Any) -> Any:
        """What the function body `script` returns, with `arguments` as its `arguments`."""
        return self._execute("ExecuteScript", {"script": script, "args": list(arguments)})

    def enter_frame(self, script: str) -> None:
        """Further commands go to the frame that the function body returns. Firefox only."""
        frame = self._execute("ExecuteScript", {"script": script, "args": []})
        self._execute("SwitchToFrame", {"element": frame[ELEMENT]})

    def click(self, selector: str) -> None:
        """Clicks the first element that matches, as soon as it can be clicked."""
        self._act("ElementClick", selector)

    def type(self, selector: str, text: str) -> None:
        """Types into the first element that matches, as soon as it takes keys."""
        self._act("ElementSendKeys", selector, text=text)

    def _act(self, command: str, selector: str, **parameters: Any) -> None:
        last: WebDriverError | None = None

        def succeeds() -> bool:
            nonlocal last
            try:
                element = self._execute("FindElement", {"using": "css selector", "value": selector})
                self._execute(command, {"id": element[ELEMENT], **parameters})
            except WebDriverError as error:
                if error.code not in PASSING_ERRORS:
                    raise
                last = error
                return False
            return True

        try:
            wait_until(succeeds, CLICK_SECONDS, f"{command} on {selector}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; the last try: {last}") from last


class Firefox(Server):
    """Firefox without a display, with a profile of its own; ready when Marionette listens."""

    name = "firefox"
    # Firefox looks for updates, recommendations and the like; tests talk to nobody but their own servers.
    preferences: tuple[tuple[str, Any], ...] = (
        ("app.normandy.enabled", False),
        ("app.update.disabledForTesting", True),
        ("browser.safebrowsing.downloads.remote.enabled", False),
        ("browser.safebrowsing.update.enabled", False),
        ("browser.shell.checkDefaultBrowser", False),
        ("browser.startup.homepage_override.mstone", "ignore"),
        ("browser.topsites.contile.enabled", False),
        ("datareporting.policy.dataSubmissionEnabled", False),
        ("extensions.systemAddon.update.enabled", False),
        ("intl.accept_languages", "en"),
        ("network.captive-portal-service.enabled", False),
        ("network.connectivity-service.enabled", False),
        ("services.settings.server", "data:,#remote-settings-dummy/v1"),
        ("toolkit.telemetry.enabled", False),
    )

    def __init__(self, preferences: tuple[tuple[str, Any], ...] = ()) -> None:
        super().__init__()
        self.preferences = (*self.preferences, *preferences)

    @staticmethod
    def binary() -> str | None:
        return shutil.which("firefox-esr") or shutil.which("firefox")

    def command(self) -> list[str]:
        profile = self.folder / "profile"
        profile.mkdir()
        preferences = [*self.preferences, ("marionette.port", self.port)]
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences]
        (profile / "user.js").write_text("".join(lines))
        binary = self.binary()
        assert binary
        return [binary, "--marionette", "--headless", "--no-remote", "--profile", str(profile)]

    def popen_options(self) -> dict[str, Any]:
        # Firefox as root refuses a home folder of somebody else's.
        return {"cwd": self.folder, "env": os.environ | {"HOME": str(self.folder)}}

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Display(Server):
    """An X server without a screen, which WebKitGTK's browser needs. It ends the browsers that are left."""

    name = "display"

    @staticmethod
    def binary() -> str | None:
        return shutil.which("Xvfb")

    def command(self) -> list[str]:
        binary = self.binary()
        assert binary
        return [binary, "-displayfd", "2", "-screen", "0", "1280x900x24", "-nolisten", "tcp"]

    @property
    def number(self) -> str:
        """Written to its log when it is ready."""
        return next((line for line in self.log.splitlines() if line.isdecimal()), "")

    def is_ready(self) -> bool:
        return bool(self.number)


class WebKitDriver(Server):
    """WebKitGTK's driver, which starts its MiniBrowser for a session."""

    name = "webkit"

    def __init__(self, display: Display) -> None:
        super().__init__()
        self._display = display

    @staticmethod
    def binary() -> str | None:
        return shutil.which("WebKitWebDriver")

    def command(self) -> list[str]:
        binary = self.binary()
        assert binary
        return [binary, f"--port={self.port}"]

    def popen_options(self) -> dict[str, Any]:
        environment = os.environ | {"DISPLAY": f":{self._display.number}", "HOME": str(self.folder), "LANG": "C.UTF-8"}
        return {"cwd": self.folder, "env": environment}

    def is_ready(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.port}/status"
            return bool(httpx.get(url, timeout=5, trust_env=False).json()["value"]["ready"])
        except httpx.HTTPError:
            return False


def missing(browser: str) -> list[str]:
    """The Debian packages that `browser` ("firefox", "webkit") needs and that aren't installed."""
    needed = {
        "firefox": [("firefox-esr", Firefox.binary())],
        "webkit": [("webkit2gtk-driver", WebKitDriver.binary()), ("xvfb", Display.binary())],
    }
    return [package for package, binary in needed[browser] if binary is None]


@contextmanager
def firefox(**preferences: Any) -> Iterator[Browser]:
    """`preferences`: by name, with `_` for each dot."""
    own = tuple((name.replace("_", "."), value) for name, value in preferences.items())
    with Firefox(own) as server:
        transport = MarionetteTransport(server.port)
        try:
            yield Browser(transport)
        finally:
            transport.close()


@contextmanager
def webkit() -> Iterator[Browser]:
    with Display() as display, WebKitDriver(display) as driver:
        transport = HttpTransport(driver.port)
        try:
            yield Browser(transport)
        finally:
            transport.close()

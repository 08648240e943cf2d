"""Draws the icons of the installed page from icon.svg.

`.venv/bin/python -m tests.browser.icons` writes them beside it.
"""

import base64

from tests import servers
from tests.browser.screenshots import browser

FOLDER = servers.ROOT / "static/chat/img"
GROUND = "#e5f2ea"  # --accent-wash of tokens.css
# Name, pixels, the part of the width that the drawing takes, and what is behind it. Of a maskable icon a system may cut
# off all but the middle, a circle of 80 %.
ICONS = [
    ("icon-192", 192, 1.0, "transparent"),
    ("icon-512", 512, 1.0, "transparent"),
    ("icon-maskable", 512, 0.6, GROUND),
]


def main() -> None:
    drawing = base64.b64encode((FOLDER / "icon.svg").read_bytes()).decode()
    with browser() as chromium:
        for name, size, part, ground in ICONS:
            page = chromium.new_page(viewport={"width": size, "height": size})
            page.set_content(
                f"""<body style="margin:0;height:100vh;display:grid;place-items:center;background:{ground}">
                <img style="width:{part:.0%}" src="data:image/svg+xml;base64,{drawing}">"""
            )
            page.locator("img").evaluate("image => image.decode()")
            page.screenshot(path=FOLDER / f"{name}.png", omit_background=True)
            page.close()


if __name__ == "__main__":
    main()

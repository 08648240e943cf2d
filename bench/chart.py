"""The chart: deliveries/s where more is offered than most can take, and CPU per delivery, a bar a system."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import log10
from statistics import median

from .scenarios import Row
from .systems import SYSTEMS

WIDTH, LABEL, BAR, GAP, TITLE = 760, 180, 22, 8, 44  # Pixels.
COLOURS = {"chatty": "#2f6fde", "chatty-postgres": "#6f9ff0", "socketio": "#b0762a", "tutorial": "#8a8f98"}
PANELS = (
    ("Deliveries/s, 1,000 members, 400 messages/s offered", "saturation", "deliveries_per_second", 400),
    ("CPU µs per delivery, 1,000 members, 40 messages/s", "steady", "cpu_us_per_delivery", 40),
    ("CPU µs per delivery, 1,000 members, 400 messages/s offered", "saturation", "cpu_us_per_delivery", 400),
)


def svg(rows: Sequence[Row], titles: Mapping[str, str]) -> str:
    """Readable in the light and in the dark: text takes the page's colour scheme."""
    parts: list[str] = []
    top = 10
    for title, scenario, name, rate in PANELS:
        wanted = {"members": 1000, "rate": rate}
        found = {
            system.name: [
                row.figures[name]
                for row in rows
                if (row.scenario, row.system, row.of) == (scenario, system.name, wanted)
            ]
            for system in SYSTEMS
        }
        bars = [(system, median(values)) for system, values in found.items() if values]
        if bars:
            parts += _panel(title, bars, titles, top)
            top += TITLE + len(bars) * (BAR + GAP) + 14
    style = (
        "text{font:14px system-ui,sans-serif;fill:#222}.title{font-weight:600}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}}"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img">'
    return "\n".join([head, "<title>Chatty beside other chats</title>", f"<style>{style}</style>", *parts, "</svg>\n"])


def _panel(title: str, bars: Iterable[tuple[str, float]], titles: Mapping[str, str], top: int) -> list[str]:
    bars = list(bars)
    longest = WIDTH - LABEL - 110
    most = max(value for _, value in bars)
    parts = [f'<text class="title" x="0" y="{top + 20}">{escape(title)}</text>']
    for number, (system, value) in enumerate(bars):
        y = top + TITLE - 8 + number * (BAR + GAP)
        width = max(2, longest * value / most)
        digits = max(0, 2 - int(log10(max(value, 1))))
        parts += [
            f'<text x="0" y="{y + 16}">{escape(titles[system])}</text>',
            f'<rect x="{LABEL}" y="{y}" width="{width:.0f}" height="{BAR}" rx="3" fill="{COLOURS[system]}"/>',
            f'<text x="{LABEL + width + 8:.0f}" y="{y + 16}">{value:,.{digits}f}</text>',
        ]
    return parts

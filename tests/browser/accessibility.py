"""Checks a page's state for WCAG 2.2 AA: with axe-core, and for criteria that axe doesn't check."""

from importlib.resources import files
from typing import Any

from tests.browser.person import Person

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {
        "target-size": {"enabled": True},  # WCAG 2.2's, which axe leaves out unless asked.
    },
    "resultTypes": ["violations"],
}
# What fades in is judged when it is there. What goes on and on, such as the dots of somebody typing, isn't waited for.
SETTLED = """() => Promise.allSettled(
    document.getAnimations()
        .filter((animation) => Number.isFinite(animation.effect.getComputedTiming().endTime))
        .map((animation) => animation.finished)
)"""
# A focused element must be visible (2.4.7), and nothing may cover it (2.4.11). Returns what breaks
# that; parts of the browser's own inside a field, such as a calendar's button, show their focus by themselves.
FOCUS = """() => {
    const focused = document.activeElement;
    if (!focused?.matches(":focus-visible") || focused === document.body) return null;
    const framed = focused.closest(".composer-box") ?? focused; // The field's frame shows the focus for it.
    const style = getComputedStyle(framed);
    const isShown = style.outlineStyle !== "none" || style.boxShadow !== "none";
    const box = focused.getBoundingClientRect();
    const parts = [0.5, 0.1, 0.9];
    const isFree = parts.flatMap((x) => parts.map((y) => [x, y])).some(([x, y]) => {
        const top = document.elementFromPoint(box.x + box.width * x, box.y + box.height * y);
        return top && (focused.contains(top) || top.contains(focused));
    });
    const name = focused.outerHTML.slice(0, 120);
    return [isShown ? "" : `shows no focus: ${name}`, isFree ? "" : `is covered: ${name}`].filter(Boolean);
}"""


def violations(somebody: Person) -> list[str]:
    """What axe finds, a line for each place. Axe tries styles that the page's policy forbids: make the page with
    `bypass_csp=True`.
    """
    somebody.run(SETTLED)
    somebody.run(AXE)
    found: list[dict[str, Any]] = somebody.run("async (options) => (await axe.run(options)).violations", OPTIONS)
    return [f"{rule['id']}: {node['failureSummary']} {node['html'][:200]}" for rule in found for node in rule["nodes"]]


def assert_accessible(somebody: Person, state: str) -> None:
    """Fails with all that is wrong with the page in this state. One line makes one more state a tested one."""
    found = violations(somebody)
    assert not found, f"{state}: " + "\n".join(found)


def focus_problems(somebody: Person, tabs: int) -> list[str]:
    """Walks through the page by the tab key; what can't be seen or is covered on the way."""
    problems: list[str] = []
    for _ in range(tabs):
        somebody.page.keyboard.press("Tab")
        problems += somebody.run(FOCUS) or []
    return problems

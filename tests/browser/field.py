"""The message field: what is selected in it, and pasting into it."""

from tests.browser.person import Person

PASTE = """(field, parts) => {
    const data = new DataTransfer();
    for (const [type, text] of Object.entries(parts)) {
        if (type === "file") data.items.add(new File([text], "cat.png", {type: "image/png"}));
        else data.setData(type, text);
    }
    field.focus();
    const event = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
    const isDefault = field.dispatchEvent(event);
    // What the browser does itself with a real one.
    if (isDefault && parts["text/plain"]) document.execCommand("insertText", false, parts["text/plain"]);
    return isDefault;
}"""


def select(person: Person, start: int, end: int) -> None:
    person.composer.evaluate(
        "(field, [start, end]) => { field.focus(); field.setSelectionRange(start, end); }", [start, end]
    )


def selected(person: Person) -> str:
    found = person.composer.evaluate("field => field.value.slice(field.selectionStart, field.selectionEnd)")
    assert isinstance(found, str)
    return found


def paste(person: Person, **parts: str) -> bool:
    """Whether the browser itself inserts it."""
    found = person.composer.evaluate(PASTE, {name.replace("_", "/"): text for name, text in parts.items()})
    assert isinstance(found, bool)
    return found

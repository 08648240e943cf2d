/**
 * Keys that write markup, and the button that inserts an emoji. Ctrl B, Ctrl I and Ctrl Shift C mark the selection, Ctrl K makes it a link.
 * A new line continues a list. In a code block, Enter starts a new line; Ctrl Enter and the button send.
 */
import { MENU_CHOSEN } from "../app/events.js";
import { isComposing, listen, slot } from "../kit/dom.js";
import { isCommand, letterOf } from "../kit/keys.js";
import { enterSends } from "./enter-key.js";
import { apply } from "./field.js";
import { format } from "./formats.js";
import { breakLine, isInFence } from "./markup.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const field = root.querySelector("textarea");
  const button = slot(root, "emoji");

  const ends = [
    listen(root, "keydown", takeKey, { capture: true }), // In the capture phase: before the composer sends.
    listen(button, "click", () => events.publish(MENU_CHOSEN, { kind: "text", entry: "emoji", subject: null, anchor: button })),
    events.subscribe(MENU_CHOSEN, ({ kind, entry, value }) => kind === "text" && entry === "emoji" && value && insert(value)),
  ];

  function insert(text) {
    const { selectionStart: from, selectionEnd: to } = field;
    apply(field, { from, to, text, start: from + text.length, end: from + text.length });
  }

  function takeKey(event) {
    if (event.target !== field || event.altKey || isComposing(event)) return;
    const line = event.key === "Enter" ? lineBreak(event) : null;
    const name = isCommand(event) ? formatOf(event) : null;
    if (!line && !name) return;
    event.preventDefault();
    event.stopPropagation();
    if (line) apply(field, line);
    else if (name) format(field, name);
  }

  function lineBreak({ ctrlKey, metaKey, shiftKey }) {
    const { selectionStart: from, selectionEnd: to, value } = field;
    if (ctrlKey || metaKey || from !== to || field.hasAttribute("aria-activedescendant")) return null; // A suggestion takes the key.
    return shiftKey || !enterSends() || isInFence(value, from) ? breakLine(value, from) : null;
  }

  /** @returns {"code" | "link" | "bold" | "italic" | null} */
  function formatOf(event) {
    const letter = letterOf(event);
    if (event.shiftKey) return letter === "c" ? "code" : null;
    if (letter === "k") return field.selectionStart === field.selectionEnd ? null : "link"; // Without a selection: to another room.
    return letter === "b" ? "bold" : letter === "i" ? "italic" : null;
  }

  return function unmount() {
    ends.forEach((end) => end());
  };
}

/**
 * Keys that write markup, and the button that inserts an emoji. Ctrl B and Ctrl I mark the selection, Ctrl K makes it a link. A new line
 * continues a list. In a code block, Enter starts a new line; Ctrl Enter and the button send.
 */
import { MENU_CHOSEN } from "../app/events.js";
import { isComposing, listen, slot } from "../kit/dom.js";
import { isCommand, ON_SCREEN_KEYBOARD } from "../kit/keys.js";
import { apply } from "./field.js";
import { breakLine, isInFence, makeLink, toggleMark } from "./markup.js";

const MARKS = { b: "**", i: "*" };

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
    const edit = event.key === "Enter" ? lineBreak(event) : isCommand(event) && !event.shiftKey && marked(event.key.toLowerCase());
    if (!edit) return;
    event.preventDefault();
    event.stopPropagation();
    apply(field, edit);
  }

  function lineBreak({ ctrlKey, metaKey, shiftKey }) {
    const { selectionStart: from, selectionEnd: to, value } = field;
    if (ctrlKey || metaKey || from !== to || field.hasAttribute("aria-activedescendant")) return null; // A suggestion takes the key.
    return shiftKey || ON_SCREEN_KEYBOARD.matches || isInFence(value, from) ? breakLine(value, from) : null;
  }

  function marked(key) {
    const { selectionStart: from, selectionEnd: to, value } = field;
    if (key === "k" && from !== to) return makeLink(value, from, to);
    return MARKS[key] ? toggleMark(value, from, to, MARKS[key]) : null;
  }

  return function unmount() {
    ends.forEach((end) => end());
  };
}

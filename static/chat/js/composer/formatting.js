/**
 * Keys that write markup: Ctrl B and Ctrl I mark the selection, Ctrl K makes it a link. A new line continues a list. In a code block, Enter starts
 * a new line; Ctrl Enter and the button send.
 */
import { isComposing, listen } from "../kit/dom.js";
import { isCommand, ON_SCREEN_KEYBOARD } from "../kit/keys.js";
import { apply } from "./field.js";
import { breakLine, isInFence, makeLink, toggleMark } from "./markup.js";

const MARKS = { b: "**", i: "*" };

/** @param {Mounting} at */
export function mount({ root }) {
  const field = root.querySelector("textarea");

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

  // In the capture phase: before the composer sends.
  return listen(root, "keydown", takeKey, { capture: true });
}

/** Edits the message field like a person who types: the browser can undo it, and other listeners hear of it. */

/**
 * @param {HTMLTextAreaElement} field
 * @param {{from: number, to: number, text: string, start: number, end: number}} edit  as in markup.js
 */
export function apply(field, { from, to, text, start, end }) {
  field.focus();
  field.setSelectionRange(from, to);
  // Deprecated, but nothing else leaves the browser's undo as it is.
  const isDone = text ? document.execCommand("insertText", false, text) : from === to || document.execCommand("delete");
  if (!isDone) {
    field.setRangeText(text, from, to, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  field.setSelectionRange(start, end);
}

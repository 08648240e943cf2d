/** The formats by their names, for keys and for the toolbar. */
import { apply } from "./field.js";
import { toggleCode, toggleLines, toggleLink } from "./block-markup.js";
import { toggleMark } from "./markup.js";

/** @typedef {"bold" | "italic" | "link" | "code" | "list" | "quote"} Format */

/** @type {Record<Format, (text: string, from: number, to: number) => Parameters<typeof apply>[1] | null>} */
const FORMATS = {
  bold: (text, from, to) => toggleMark(text, from, to, "**"),
  italic: (text, from, to) => toggleMark(text, from, to, "*"),
  link: toggleLink,
  code: toggleCode,
  list: (text, from, to) => toggleLines(text, from, to, "list"),
  quote: (text, from, to) => toggleLines(text, from, to, "quote"),
};

/**
 * Formats what is selected in the field, or makes it plain again.
 * @param {HTMLTextAreaElement} field
 * @param {Format} name
 */
export function format(field, name) {
  const edit = FORMATS[name](field.value, field.selectionStart, field.selectionEnd);
  if (edit) apply(field, edit);
  else field.focus();
}

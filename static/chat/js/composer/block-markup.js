/** Edits that make lines a list, a quote or a code block, or links, and that make them plain text again. Like those of markup.js. */
import { isInFence, makeCodeBlock, makeLink, toggleMark, withoutSpace } from "./markup.js";

const FENCED = /^(`{3,})[^`\n]*\n([\s\S]*?)\n?\1$/;
const OPENING = /(?:^|\n)(`{3,})[^`\n]*\n$/;
const LINK_START = /\[([^[\]\n]*)\]\([^()\s]*$/;
const LINES = {
  list: { mark: "- ", pattern: /^([ \t]*)(?:[-*+]|\d{1,8}[.)])[ \t]+/ },
  quote: { mark: "> ", pattern: /^()> ?/ },
};

/** Makes the selection code: part of a line in place, several lines as a block. Or makes code plain text again. */
export function toggleCode(text, selectedFrom, selectedTo) {
  const [from, to] = withoutSpace(text, selectedFrom, selectedTo);
  const [whole, , inside] = FENCED.exec(text.slice(from, to)) ?? [];
  if (whole) return selecting(from, to, inside);
  const [opening = "", fence] = OPENING.exec(text.slice(0, from)) ?? [];
  if (fence && text.slice(to).match(`^\\n${fence}(?:\\n|$)`)) {
    const start = from - opening.length + (opening.startsWith("\n") ? 1 : 0);
    return selecting(start, to + 1 + fence.length, text.slice(from, to));
  }
  if (isInFence(text, from)) return null;
  if (!text.slice(from, to).includes("\n")) return toggleMark(text, from, to, "`");
  const edit = makeCodeBlock(text, from, to);
  const start = edit.text.search(/`{3}/) + from;
  const end = from + edit.text.trimEnd().length;
  return { ...edit, start, end };
}

/**
 * Makes the selected lines a list or a quote, or plain again if all of them are one.
 * @param {"list" | "quote"} kind
 */
export function toggleLines(text, selectedFrom, selectedTo, kind) {
  const { mark, pattern } = LINES[kind];
  const from = text.lastIndexOf("\n", selectedFrom - 1) + 1;
  const isBehindBreak = selectedTo > selectedFrom && text[selectedTo - 1] === "\n";
  const last = isBehindBreak ? selectedTo - 1 : selectedTo;
  const to = text.indexOf("\n", last) < 0 ? text.length : text.indexOf("\n", last);
  const lines = text.slice(from, to).split("\n");
  const marked = lines.filter((line) => pattern.test(line));
  const isOn = marked.length > 0 && marked.length === lines.filter((line) => line.trim()).length;
  const isMarkable = (line) => line.trim() || kind === "quote" || lines.length === 1;
  const changed = lines.map((line) => (isOn ? line.replace(pattern, "$1") : isMarkable(line) ? mark + line : line)).join("\n");
  if (selectedFrom !== selectedTo) return selecting(from, to, changed);
  const caret = Math.max(from, selectedFrom + changed.length - (to - from));
  return { from, to, text: changed, start: caret, end: caret };
}

/** Makes the selection a link, or the selected link text. Without a selection, begins a link or removes the one at the caret. */
export function toggleLink(text, selectedFrom, selectedTo) {
  const [from, to] = withoutSpace(text, selectedFrom, selectedTo);
  const [end] = /^\]\([^()\s]*\)/.exec(text.slice(to)) ?? [];
  if (from !== to && end && text[from - 1] === "[") return selecting(from - 1, to + end.length, text.slice(from, to));
  if (from !== to) return makeLink(text, from, to);
  const [start, label] = LINK_START.exec(text.slice(0, from)) ?? [];
  const [rest] = /^[^()\s]*\)/.exec(text.slice(to)) ?? [];
  if (start && rest) return selecting(from - start.length, to + rest.length, label);
  const address = "https://";
  return { from, to, text: `[](${address})`, start: from + 1, end: from + 1 };
}

/** Replaces from `from` to `to` by `text` and selects that. */
function selecting(from, to, text) {
  return { from, to, text, start: from, end: from + text.length };
}

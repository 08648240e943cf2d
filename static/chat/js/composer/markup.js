/**
 * Edits that write a message's markup. Each function takes the text and the selection in it, and returns an edit, or null if there is nothing
 * to do.
 *
 * @typedef {{from: number, to: number, text: string, start: number, end: number}} Edit
 * Replaces the characters from `from` to `to` by `text`, then selects from `start` to `end`.
 */
import { greatest } from "../kit/extremes.js";

const ADDRESS = /^https?:\/\/\S+$/i;
const FENCE = /^ {0,3}(?:(`{3,})[^`]*|(~{3,}).*)$/;
const ITEM = /^([ \t]*)(?:([-*+])|(\d{1,8})([.)]))([ \t]+)(.*)$/;
const SHORTEST_FENCE = 3;
// A line that is rather code or a log than a sentence.
const CODE = /^(?: {2,}|\t)\S|[{};\\]$|^\s*(?:[#@<$>]\S|\/\/|--)|^\[?\d{2,4}[-:/]\d\d[-:/]\d\d|^(?:at|def|class|function|import|from|return|Traceback)\b.*[(:.]/;
const CODE_LINES = 3;

/** Puts `mark` around the selection, or removes it there. At the end of marked text, goes behind the mark. @returns {Edit | null} */
export function toggleMark(text, selectedFrom, selectedTo, mark) {
  const [from, to] = withoutSpace(text, selectedFrom, selectedTo);
  const size = mark.length;
  const around = Math.min(runBefore(text, from, mark[0]), runAfter(text, to, mark[0]));
  // Of three stars, one is for italic and two are for bold.
  const isMarked = size === 1 ? around % 2 === 1 : around >= size;
  const inside = text.slice(from, to);
  if (isMarked) return { from: from - size, to: to + size, text: inside, start: from - size, end: to - size };
  const isAtEnd = from === to && runAfter(text, to, mark[0]) === size && text.slice(0, from).split("\n").at(-1).split(mark).length % 2 === 0;
  if (isAtEnd) return { from, to, text: "", start: to + size, end: to + size };
  return { from, to, text: mark + inside + mark, start: from + size, end: to + size };
}

/** Makes the selection a link. Without an address, the caret goes to where it belongs. @returns {Edit | null} */
export function makeLink(text, selectedFrom, selectedTo, address = "") {
  const [from, to] = withoutSpace(text, selectedFrom, selectedTo);
  const label = text.slice(from, to);
  if (!label || /[[\]\n]/.test(label)) return null;
  if (!address && isAddress(label)) return { from, to, text: `[](${label})`, start: from + 1, end: from + 1 };
  const link = `[${label}](${address})`;
  const caret = from + link.length - (address ? 0 : 1);
  return { from, to, text: link, start: caret, end: caret };
}

/** Begins the next line of a list or of a code block, or ends a list at an empty item. @returns {Edit | null} */
export function breakLine(text, at) {
  const lineStart = text.lastIndexOf("\n", at - 1) + 1;
  const line = text.slice(lineStart, at);
  if (isInFence(text, at)) return insertion(at, at, "\n");
  const [, indent, bullet, number, end, space, content] = ITEM.exec(line) ?? [];
  if (space === undefined) return null;
  const isEmpty = !content && /^(?:\n|$)/.test(text.slice(at));
  if (isEmpty) return insertion(lineStart, at, "");
  return insertion(at, at, `\n${indent}${bullet ?? `${Number(number) + 1}${end}`}${space}`);
}

/** Makes the characters from `from` to `to` a code block. @returns {Edit} */
export function makeCodeBlock(text, from, to) {
  const code = text.slice(from, to).replace(/^\n+/, "").trimEnd();
  const fence = "`".repeat(greatest([...code.matchAll(/`+/g)].map(([run]) => run.length + 1), SHORTEST_FENCE));
  const before = !from || text[from - 1] === "\n" ? "" : "\n";
  const after = text[to] === "\n" ? "" : "\n";
  return insertion(from, to, `${before}${fence}\n${code}\n${fence}${after}`);
}

/** Whether the caret is in a code block, or behind the line that opens one. */
export function isInFence(text, at) {
  return Boolean(openFence(text.slice(0, at)).fence);
}

/** The fence of the code block that is open at the end of the text, and the line that opens it. Empty texts if none is. */
export function openFence(text) {
  let open = { fence: "", line: "" };
  for (const line of text.split("\n")) {
    const [, ticks, tildes] = FENCE.exec(line) ?? [];
    const found = ticks ?? tildes ?? "";
    if (!open.fence) open = { fence: found, line: found && line };
    else if (found.startsWith(open.fence) && line.trim() === found) open = { fence: "", line: "" };
  }
  return open;
}

export function isAddress(text) {
  return ADDRESS.test(text);
}

/** Whether the text looks like code or like a log: at least half of its lines do. */
export function looksLikeCode(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  return lines.length >= CODE_LINES && !text.includes("```") && lines.filter((line) => CODE.test(line)).length * 2 >= lines.length;
}

/** @returns {Edit} */
function insertion(from, to, text) {
  return { from, to, text, start: from + text.length, end: from + text.length };
}

/** The selection without the spaces around it. */
export function withoutSpace(text, from, to) {
  const selected = text.slice(from, to);
  if (!selected.trim()) return [from, to];
  return [from + selected.length - selected.trimStart().length, from + selected.trimEnd().length];
}

function runBefore(text, at, character) {
  let start = at;
  while (text[start - 1] === character) start -= 1;
  return at - start;
}

function runAfter(text, at, character) {
  let end = at;
  while (text[end] === character) end += 1;
  return end - at;
}

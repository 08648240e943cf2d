/** Splits a text that is too long for one message. */
import { openFence } from "./markup.js";

const MOST_PARTS = 10; // More is a file.
const GAPS = ["\n\n", "\n", " "]; // Where to cut, the best first.
const LEAST_SHARE = 0.5; // Of the characters that a message may have: no part is shorter for the sake of a better gap.
const CLOSING = 12; // Characters kept for the fence that closes a block.

/**
 * The parts of `text`, of at most `limit` characters each, or null if they would be too many. They are cut between paragraphs, lines or words.
 * A code block that is cut goes on as one in the next part.
 */
export function split(text, limit) {
  if (text.length > 2 * MOST_PARTS * limit) return null; // A character has two code units at most.
  const parts = [];
  let rest = text;
  while ([...rest].length > limit) {
    if (parts.length === MOST_PARTS - 1) return null;
    const part = cut([...rest].slice(0, limit - CLOSING).join(""));
    const { line, fence } = openFence(part);
    if (fence.length >= CLOSING) return null;
    parts.push(fence ? `${part.trimEnd()}\n${fence}` : part.trimEnd());
    rest = rest.slice(part.length).replace(/^\n+|^ /, "");
    if (fence) rest = `${line}\n${rest}`;
  }
  return [...parts, rest].filter((part) => part.trim()).map(spared);
}

/** As much of the text as ends at a gap. */
function cut(text) {
  const ends = GAPS.map((gap) => text.lastIndexOf(gap));
  const end = ends.find((at) => at >= text.length * LEAST_SHARE);
  return text.slice(0, end);
}

/** The same text for a part that begins like an action, which it isn't. */
function spared(part, index) {
  return index && /^\/+me\b/.test(part) ? `/${part}` : part;
}

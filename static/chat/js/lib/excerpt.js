/** A message in one line. */
import { nodesOf } from "./safe-html.js";

const MOST_CHARACTERS = 160; // More than a line has room for.

/** The beginning of its words, without their marks. */
export function excerptOf(message) {
  const text = nodesOf(message.html).textContent.replace(/\s+/g, " ").trim();
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS).trimEnd()}…` : text;
}

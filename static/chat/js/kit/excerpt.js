/** Shortens a message to one line. */
import { nodesOf } from "./safe-html.js";

const MOST = 160; // More than fits into a line.

/** The beginning of a message's text, at most MOST characters, without Markdown signs. */
export function excerptOf(message, most = MOST) {
  const characters = [...nodesOf(message.html).textContent.replace(/\s+/g, " ").trim()];
  return characters.length > most ? `${characters.slice(0, most - 1).join("").trimEnd()}…` : characters.join("");
}

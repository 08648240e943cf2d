/** Shortens a message to one line. */
import { nodesOf } from "./safe-html.js";

const MOST = 160; // More than a line has room for.

/** The beginning of its words, without their marks: of at most so many characters. */
export function excerptOf(message, most = MOST) {
  const characters = [...nodesOf(message.html).textContent.replace(/\s+/g, " ").trim()];
  return characters.length > most ? `${characters.slice(0, most - 1).join("").trimEnd()}…` : characters.join("");
}

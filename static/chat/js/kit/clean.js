/** Cleans texts as they enter. chat/content/validation.py does the same on the server. */

// What is typed or pasted as one of these is meant as a line break: of Windows, old Macs, presentations, and Unicode's own.
const BREAKS = /\r\n|[\r\v\f\x85\u2028\u2029]/g;
// Control characters say nothing, nor do halves of a pair, which an emoji that was cut in two leaves.
const NOTHING = /[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]|\p{Surrogate}/gu;

/** The words of a message. */
export function cleanBody(text) {
  return text.replace(BREAKS, "\n").replace(NOTHING, "");
}

/** A line: a name, a title, a query. */
export function cleanLine(text) {
  return cleanBody(text).replace(/\s+/g, " ").trim();
}

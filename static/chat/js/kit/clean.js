/** Cleans texts as they enter. chat/content/validation.py does the same on the server. */

// Characters that mean a line break: of Windows, old Macs, presentations, and Unicode's own.
const BREAKS = /\r\n|[\r\v\f\x85\u2028\u2029]/g;
// Control characters and lone surrogates have no meaning. A lone surrogate is left when an emoji is cut in two.
const NOTHING = /[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]|\p{Surrogate}/gu;

/** Cleans the body of a message. */
export function cleanBody(text) {
  return text.replace(BREAKS, "\n").replace(NOTHING, "");
}

/** Cleans a line: a name, a title, a query. */
export function cleanLine(text) {
  return cleanBody(text).replace(/\s+/g, " ").trim();
}

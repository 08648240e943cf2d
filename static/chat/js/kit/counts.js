/** How the page writes counts of unread messages: everywhere the same figure. */
import { formatNumber } from "./words.js";

export const MOST = 99; // The server counts to 100, which means 100 or more.

/** The number of unread messages, or with `mark` of mentions. */
export function figureOf(count, mark = "") {
  return mark + (count > MOST ? `${formatNumber(MOST)}+` : formatNumber(count));
}

/** The same for screen readers and in sentences: `plural` forms of `key`, or above the limit of `key-many`. */
export function sentenceOf(plural, key, count, values = {}) {
  return count > MOST ? plural(`${key}-many`, MOST, values) : plural(key, count, values);
}

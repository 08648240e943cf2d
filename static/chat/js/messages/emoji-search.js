/** Finds emoji by their shortcodes, and by their names in the page's language. */
import { foldPlain } from "../kit/names.js";
import { SHORTCODES } from "../kit/shortcodes.js";

/** Parses lines such as `👍 thumbs up|thumbsup|+1` to a Map of emoji to names. */
export function readNames(text) {
  const lines = text.trim().split("\n").map((line) => line.split(/ (.*)/));
  return new Map(lines.map(([emoji, names = ""]) => [emoji, names.split("|")]));
}

/** The emoji that match `written`, best first, each `{emoji, name?}`. All for an empty text. An emoji matches itself. */
export function findEmoji(written, names) {
  const wanted = foldPlain(written.replaceAll(/[:_]/g, " "));
  if (!wanted) return SHORTCODES;
  if (isEmoji(written.trim())) return [SHORTCODES.find(({ emoji }) => emoji === written.trim()) ?? { emoji: written.trim() }];
  return SHORTCODES.map((code) => ({ code, rank: rank([code.name.replaceAll("_", " "), ...(names.get(code.emoji) ?? [])].map(foldPlain), wanted) }))
    .filter(({ rank }) => rank < 4)
    .sort((one, other) => one.rank - other.rank)
    .map(({ code }) => code);
}

function rank(names, wanted) {
  const all = ` ${names.join(" ")}`;
  if (names.includes(wanted)) return 0;
  if (names.some((name) => name.startsWith(wanted))) return 1;
  if (all.includes(` ${wanted}`)) return 2;
  return wanted.split(" ").every((word) => all.includes(word)) ? 3 : 4;
}

/** Whether the text is one emoji, also with a skin tone, or one that isn't offered here. The server checks it precisely. */
function isEmoji(text) {
  if (!/\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u.test(text)) return false;
  return typeof Intl.Segmenter !== "function" || [...new Intl.Segmenter().segment(text)].length === 1;
}

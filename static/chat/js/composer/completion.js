/** Finds the completions of the unfinished `@name` or `:shortcode` before the caret. */
import { fold, foldPlain } from "../kit/names.js";
import { SHORTCODES } from "../kit/shortcodes.js";

const MOST = 8; // As many as fit above a phone's composer with an open keyboard.
// After a letter only in scripts without spaces between words, and in Korean. Chinese and Japanese keyboards write `＠`.
const MENTION = /(?:^|[^\p{L}\p{M}\p{N}_@＠]|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Myanmar}\p{Script=Khmer}])[@＠]([^@＠\n]{0,40})$/u;
const collator = new Intl.Collator();
const SHORTCODE = /(?:^|[^\w:]):([a-z0-9_+-]{2,30})$/i;

/** Whether a name is being written before the caret. */
export function isName(before) {
  return MENTION.test(before);
}

/**
 * Returns `{start, options}`: the start of the unfinished part, and its possible replacements, best first, each
 * `{text, label, note, person?}`. Null if there is no unfinished part or no match.
 */
export function complete(before, people) {
  const mention = MENTION.exec(before);
  if (mention) return found(before, mention[1], names(mention[1], people));
  const shortcode = SHORTCODE.exec(before);
  return shortcode && found(before, shortcode[1], emojis(shortcode[1].toLowerCase()));
}

function found(before, part, options) {
  return options.length ? { start: before.length - part.length - 1, options: options.slice(0, MOST) } : null;
}

function names(part, people) {
  const wanted = foldPlain(part);
  if (part !== part.trimStart()) return [];
  const rank = ({ name }) => {
    if (fold(name) === fold(part)) return -1;
    const words = foldPlain(name);
    return words.startsWith(wanted) ? 0 : words.split(" ").some((word) => word.startsWith(wanted)) ? 1 : 2;
  };
  const ranked = people
    .map((person) => ({ person, rank: rank(person) }))
    .filter(({ rank }) => rank < 2)
    .sort((one, other) => one.rank - other.rank || byPresence(one.person, other.person));
  // A complete name needs no completion, so Enter sends.
  if (ranked.every(({ rank }) => rank < 0)) return [];
  return ranked.map(({ person }) => ({ text: `@${person.name} `, label: person.name, note: "", person }));
}

/** Those who are here by name, then those who have left, the latest first. */
function byPresence(one, other) {
  if (one.isGone && other.isGone) return other.seen_at - one.seen_at;
  return Number(Boolean(one.isGone)) - Number(Boolean(other.isGone)) || collator.compare(one.name, other.name);
}

function emojis(wanted) {
  return SHORTCODES.filter(({ name }) => name.includes(wanted))
    .sort((one, other) => Number(other.name.startsWith(wanted)) - Number(one.name.startsWith(wanted)))
    .map(({ name, emoji }) => ({ text: `:${name}: `, label: emoji, note: `:${name}:` }));
}

/** How many columns a text takes in a typeface whose characters all have one width. */

const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
const NARROW = /[\uff61-\uffdc]/u; // Halfwidth forms of the same scripts.
const NONE = /^[\p{Mn}\p{Me}\p{Cf}]$/u;

export function columnsOf(text) {
  let columns = 0;
  for (const character of text) {
    if (NONE.test(character)) continue;
    columns += WIDE.test(character) && !NARROW.test(character) ? 2 : 1;
  }
  return columns;
}

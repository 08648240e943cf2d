/** Distinguishes people: initials, a colour, and a number if several share a name. */

/** The folded name. Equal names look the same. It ignores the locale, or İ and I would differ in Turkish browsers. */
export function fold(name) {
  return name.normalize("NFKC").replace(/[\u200c\u200d]/g, "").toLowerCase().replace(/\s+/g, " ").trim();
}

/** `fold` without accents, so that "jose" finds José. */
export function foldPlain(name) {
  return fold(name).normalize("NFKD").replace(/\p{M}/gu, "");
}

/** The key of a person under a name in `people:namesakes-changed`. */
export function namesakeKey(id, name) {
  return `${fold(name)}\n${id}`;
}

/** What distinguishes a person from earlier ones of the same name: `(2)` for the second. Empty for the first. */
export function tagOf(numbers, id, name) {
  const number = numbers.get(namesakeKey(id, name));
  return number ? `(${number})` : "";
}

/** One or two characters for the avatar, from the first and the last word. */
export function initialsOf(name) {
  const words = name.trim().split(/\s+/).filter(Boolean);
  if (!words.length) return "?";
  const ends = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return ends.map((word) => firstCharacter(word).toUpperCase()).join("");
}

/** A hue in degrees, the same for an id everywhere. */
export function hueOf(id) {
  let hash = 2166136261; // FNV-1a: spreads ids that differ in one digit.
  for (const character of id) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619);
  return (hash >>> 0) % 360;
}

/** Sets initials and hue of an avatar: the id's own hue, or the one that people/hues.js gives. The stylesheet adjusts it for contrast. */
export function paintAvatar(element, { id, name }) {
  element.textContent = initialsOf(name);
  element.style.setProperty("--hue", `var(--hue-${id}, ${hueOf(id)})`);
}

function firstCharacter(word) {
  if (typeof Intl.Segmenter !== "function") return [...word][0];
  // Graphemes: an emoji with skin tone, a letter with its accents.
  return new Intl.Segmenter().segment(word)[Symbol.iterator]().next().value.segment;
}

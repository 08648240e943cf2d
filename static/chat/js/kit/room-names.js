/** Room addresses, and the rooms that match a query. */

const SLUG = /^[a-z0-9-]{1,50}$/;
const SLUG_LIMIT = 50;
const LETTERS = { ß: "ss", æ: "ae", œ: "oe", ø: "o", đ: "d", ð: "d", þ: "th", ł: "l", ı: "i" }; // Letters that don't decompose.

const SUFFIX_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"; // Without 0, 1, i, l and o.

export function roomURL(slug) {
  return `${document.body.dataset.home}/${slug}`;
}

/** The room of a page's address (a URL, a link or `location`). Null for another page. */
export function slugIn({ origin, pathname, search }) {
  const { home = "", homeRoom } = document.body.dataset;
  if (origin !== location.origin || search !== location.search) return null;
  if (pathname === home) return homeRoom;
  const slug = pathname.startsWith(`${home}/`) ? pathname.slice(home.length + 1) : "";
  return isSlug(slug) ? slug : null;
}

export function isSlug(text) {
  return SLUG.test(text);
}

/** A text as an address. Empty if it has no Latin letters or digits. */
export function slugOf(text) {
  return trim(latin(text).replace(/[^a-z0-9]+/g, "-").slice(0, SLUG_LIMIT + 1));
}

/**
 * The address suggested for a title: the title in Latin letters and digits. Where these don't tell all of it, or the address is in `taken`, it ends with
 * `suffix`: the address of 設計レビュー is `room-` and the suffix.
 */
export function proposeSlug(title, suffix, taken) {
  const slug = slugOf(title);
  if (!title.trim() || (slug && !/[^\P{L}a-z]|[^\P{N}0-9]/u.test(latin(title)) && !taken.has(slug))) return slug;
  return `${trim((slug || "room").slice(0, SLUG_LIMIT - suffix.length - 1))}-${suffix}`;
}

/** Six random letters and digits that nobody confuses: 900 million possibilities. */
export function randomSuffix() {
  return [...crypto.getRandomValues(new Uint8Array(6))].map((byte) => SUFFIX_LETTERS[byte % SUFFIX_LETTERS.length]).join("");
}

function latin(text) {
  return foldText(text)
    .replace(/[ßæœøđðþłı]/g, (letter) => LETTERS[letter])
    .replace(/['’]/g, "");
}

/** A line without case and accents, for comparisons. */
export function foldText(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().trim();
}

/** The `rooms` that match `query`, best first: rooms with unread messages, then the latest visits. */
export function findRooms(rooms, query) {
  const wanted = foldText(query).replace(/^#/, "");
  const rank = ({ slug, title }) => {
    const names = [slug, foldText(title)];
    const words = names.flatMap((name) => name.split(/[\s-]+/));
    if (names.some((name) => name.startsWith(wanted))) return 0;
    if (words.some((word) => word.startsWith(wanted))) return 1;
    if (names.some((name) => name.includes(wanted))) return 2;
    const parts = wanted.split(/[\s-]+/); // In any order. Whole words rank before beginnings: for "a", "a" before "ann".
    if (!parts.every((part) => words.some((word) => word.startsWith(part)))) return null;
    return parts.every((part) => words.includes(part)) ? 3 : 4;
  };
  return rooms
    .map((room) => ({ room, rank: rank(room) }))
    .filter(({ rank }) => rank !== null)
    .sort((one, other) => one.rank - other.rank || urgency(other.room) - urgency(one.room) || other.room.at - one.room.at)
    .map(({ room }) => room);
}

function urgency({ mentions, unread, isCurrent }) {
  return isCurrent ? -1 : mentions ? 2 : unread ? 1 : 0;
}

function trim(slug) {
  return slug.slice(0, SLUG_LIMIT).replace(/^-+|-+$/g, "");
}

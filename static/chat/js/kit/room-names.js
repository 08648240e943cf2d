/** Room addresses, and the rooms that match a query. */

const SLUG = /^[a-z0-9-]{1,50}$/;
const SLUG_LIMIT = 50;
const LETTERS = { ß: "ss", æ: "ae", œ: "oe", ø: "o", đ: "d", ð: "d", þ: "th", ł: "l", ı: "i" }; // Letters that don't decompose.

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

/** The address suggested for a title. Empty if the title has no Latin letters or digits. */
export function slugOf(title) {
  return trim(
    foldText(title)
      .replace(/[ßæœøđðþłı]/g, (letter) => LETTERS[letter])
      .replace(/['’]/g, "")
      .replace(/[^a-z0-9]+/g, "-")
      .slice(0, SLUG_LIMIT + 1),
  );
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

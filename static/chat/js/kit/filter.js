/**
 * A filter: `{authors, mentions, links}`, all of which a message must meet. Null shows everything.
 *
 * `authors`: ids of members, any of them; empty for anybody. `mentions`: messages that mention the reader. `links`: messages with a link.
 * The same as a URL fragment: `#users/<id>,<id>/mentions/links`, where each part may be missing.
 */

export const MOST_AUTHORS = 20; // As many as the protocol's `history` takes.
const FRAGMENT = /^#(?:users\/([^/]+)(?:\/|$))?(?:(mentions)(?:\/|$))?(links)?\/?$/;
const MEMBER = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
const LINK = '<a href="'; // How each link begins in the server's HTML, and nothing else does.

/** The filter that a fragment names; null for one that names none, or that no link of ours would say. */
export function readFilter(fragment) {
  const [, ids, mentions, links] = FRAGMENT.exec(fragment) ?? [];
  const authors = ids ? readIds(ids) : [];
  return authors && made({ authors, mentions: Boolean(mentions), links: Boolean(links) });
}

/** The fragment of a filter. `#users` shows all messages. */
export function fragmentOf(filter) {
  if (!filter) return "#users";
  const { authors, mentions, links } = filter;
  const parts = [authors.length && `users/${authors.join(",")}`, mentions && "mentions", links && "links"];
  return `#${parts.filter(Boolean).join("/")}`;
}

/**
 * `filter` with the conditions of `part` as well; without them, where it has them all.
 * @param {Page.Filter | null} filter
 * @param {Partial<Page.Filter>} part
 */
export function toggle(filter, { authors = [], mentions = false, links = false }) {
  const has = filter ?? { authors: [], mentions: false, links: false };
  const isOn = authors.every((id) => has.authors.includes(id)) && (has.mentions || !mentions) && (has.links || !links);
  const rest = has.authors.filter((id) => !authors.includes(id));
  return made({
    authors: isOn ? rest : [...rest, ...authors].slice(-MOST_AUTHORS),
    mentions: mentions ? !isOn : has.mentions,
    links: links ? !isOn : has.links,
  });
}

/** Whether a wire message shows; `me` is the reader's id. The server's `history` decides by the same rule. */
export function matches(filter, { author, mentions, html }, me) {
  if (filter.authors.length && !filter.authors.includes(author.id)) return false;
  if (filter.mentions && !mentions?.includes(me)) return false;
  return !filter.links || html.includes(LINK);
}

/** Whether what I just wrote shows, as far as can be told before the server has read it. */
export function showsMine(filter, me) {
  return !filter || (filter.authors.includes(me) && !filter.mentions && !filter.links);
}

/** The fields that ask the server's `history` for what shows. */
export function conditionsOf(filter, me) {
  if (!filter) return {};
  const { authors, mentions, links } = filter;
  return { ...(authors.length && { authors }), ...(mentions && { mentions: me }), ...(links && { links }) };
}

function made({ authors, mentions, links }) {
  return authors.length || mentions || links ? Object.freeze({ authors: Object.freeze(authors), mentions, links }) : null;
}

function readIds(text) {
  try {
    const ids = [...new Set(decodeURIComponent(text).toLowerCase().split(","))];
    return ids.length <= MOST_AUTHORS && ids.every((id) => MEMBER.test(id)) ? ids : null;
  } catch {
    return null;
  }
}

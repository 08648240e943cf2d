/**
 * A filter `{authors, mentions, links}`. A message must meet all conditions. Null shows everything.
 *
 * `authors`: ids of members, of whom one must be the author; empty for anybody. `mentions`: mentions the reader. `links`: has a link.
 * The same as a URL fragment: `#users/<id>,<id>/mentions/links`, where each part may be missing.
 */

export const MOST_AUTHORS = 20; // The limit of the protocol's `history`.
const FRAGMENT = /^#(?:users\/([^/]+)(?:\/|$))?(?:(mentions)(?:\/|$))?(links)?\/?$/;
const MEMBER = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
const LINK = '<a href="'; // Each link in the server's HTML begins like this, and nothing else does.

/** The filter of a URL fragment. Null if the fragment has none or an invalid one. */
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
 * Adds the conditions of `part` to `filter`. If it has them all, removes them.
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

/** Whether a wire message matches; `me` is the reader's id. The server's `history` has the same rule. */
export function matches(filter, { author, mentions, html }, me) {
  if (filter.authors.length && !filter.authors.includes(author.id)) return false;
  if (filter.mentions && !mentions?.includes(me)) return false;
  return !filter.links || html.includes(LINK);
}

/** Whether the reader's unsent message would match. Links and mentions aren't known before the server has rendered it. */
export function showsMine(filter, me) {
  return !filter || (filter.authors.includes(me) && !filter.mentions && !filter.links);
}

/** The filter's fields for the `history` command. */
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

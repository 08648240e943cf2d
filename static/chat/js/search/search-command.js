/** The `search` command of the protocol, without its type. */

/** Whether two commands have the same search. */
export function isSame(one, other) {
  const parts = ["query", "author", "at_from", "at_before", "mentions", "links", "rooms"];
  return parts.every((key) => JSON.stringify(one[key]) === JSON.stringify(other[key]));
}

/** Whether a command has nothing to search for. */
export function isEmpty({ query, author, mentions, links }) {
  return !query && !author && !mentions && !links;
}

/** The fields of a command for what is older than a result. */
export function below({ seq, room }) {
  return { before: seq, ...(room && { before_room: room }) };
}

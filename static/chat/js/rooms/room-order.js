/** What the reader has arranged in the list of rooms, and its order: pinned ones first, then by name or by the latest activity. */

/** The rooms in this order. `active` is when something was last said in a room, as far as this browser knows. */
export function sorted(rooms, order, collator) {
  const byName = (one, other) => collator.compare(one.title, other.title) || (one.slug < other.slug ? -1 : 1);
  const compare = order === "activity" ? (one, other) => other.active - one.active || byName(one, other) : byName;
  return [...rooms].sort((one, other) => Number(other.isPinned) - Number(one.isPinned) || compare(one, other));
}

/** The traits of a room of the list, for its menu. */
export function traitsOf({ isPinned, isMuted }) {
  return [isPinned && "pinned", isMuted && "muted"].filter(Boolean);
}

/** Applies the reader's unanswered changes to a message. An amendment is `{type, seq, ...}` like its command. */

/** `message` with its `amendments` of the member `me` applied, oldest first. A changed message has `isPending`. */
export function amended(message, amendments, me) {
  return amendments.reduce((shown, amendment) => apply(shown, amendment, me), message);
}

/** Whether `message` already has the effect of `amendment`. */
function isCarriedOut({ type, body, emoji, on }, message, me) {
  if (type === "delete") return Boolean(message.deleted);
  if (type === "edit") return message.body === body;
  return hasReacted(message, emoji, me) === on;
}

/** Whether the newer amendment replaces the older one. */
export function supersedes(newer, older) {
  if (newer.seq !== older.seq) return false;
  return newer.type === "delete" || (newer.type === older.type && isSame(newer.emoji, older.emoji));
}

export function hasReacted(message, emoji, id) {
  return Object.entries(message.reactions ?? {}).some(([chosen, ids]) => isSame(chosen, emoji) && ids.includes(id));
}

/** The message after the event `reacted`. */
export function withReaction(message, { version, id, emoji, on }) {
  return { ...message, version, reactions: reacted(message.reactions ?? {}, { emoji, on }, id) };
}

function apply(message, amendment, me) {
  if (message.deleted || isCarriedOut(amendment, message, me)) return message;
  if (amendment.type === "delete") return { ...message, deleted: true, body: "", html: "", reactions: {}, isPending: true };
  if (amendment.type === "edit") return { ...message, body: amendment.body, html: null, isPending: true };
  return { ...message, reactions: reacted(message.reactions ?? {}, amendment, me) };
}

function reacted(reactions, { emoji, on }, member) {
  const key = Object.keys(reactions).find((chosen) => isSame(chosen, emoji)) ?? emoji;
  const ids = (reactions[key] ?? []).filter((id) => id !== member);
  const next = { ...reactions, [key]: on ? [...ids, member] : ids };
  if (!next[key].length) delete next[key];
  return next;
}

/** Whether two emoji are the same. The server adds the colour's variation selector, keyboards often omit it. */
function isSame(one = "", other = "") {
  return one.replaceAll("\ufe0f", "") === other.replaceAll("\ufe0f", "");
}

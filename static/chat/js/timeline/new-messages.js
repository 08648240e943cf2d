/** Which messages are new to a returning reader, how many, and how the bar says it. */
import { MOST, sentenceOf } from "../kit/counts.js";
import { least } from "../kit/extremes.js";
import { clock, dayName, dayOf } from "../kit/time.js";

/** The seqs of others' messages after a seq. Deleted ones don't count. */
export function newOf(messages, after, me) {
  return messages.filter(({ seq, author, deleted }) => seq > after && author.id !== me && !deleted).map(({ seq }) => seq);
}

/**
 * How many messages are new: `{count, isLeast}`, with `isLeast` if there may be more.
 *
 * `fresh` are the loaded ones, all of them if `isWhole`. Otherwise the room's `badge` may tell: what the server had counted up to a version. Only messages after
 * that are added, so the bar continues the badge.
 * @param {{fresh: number[], isWhole: boolean, badge?: Page.Badge | null, messages?: Wire.Message[], me: string}} missed
 */
export function countNew({ fresh, isWhole, badge = null, messages = [], me }) {
  if (isWhole) return { count: fresh.length, isLeast: false };
  const isJoined = badge && least(messages.map(({ seq }) => seq), Infinity) <= badge.head + 1;
  const count = isJoined ? badge.unread + newOf(messages, badge.head, me).length : 0;
  return count > fresh.length ? { count, isLeast: false } : { count: fresh.length, isLeast: true };
}

/** The sentence of the bar. `at` is when the reader left. */
export function say(plural, at, { count, isLeast }) {
  const time = dayOf(at) === dayOf(Date.now()) ? clock(at) : `${dayName(at)}, ${clock(at)}`;
  return isLeast && count <= MOST ? plural("since-many", count, { time }) : sentenceOf(plural, "since", count, { time });
}

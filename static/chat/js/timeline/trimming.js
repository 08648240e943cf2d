/** Limits the messages in memory: drops those far from the reader. `history` loads them again. */
import { OldPlace } from "./old-place.js";

const MOST_HELD = 5_000; // About 5 MB.
const KEPT = 2_000;
const AROUND = 500; // Messages on each side of the reader.

export function isTooMuch({ size }) {
  return size > MOST_HELD;
}

/**
 * Drops excess messages of the room's log and of the place that is shown instead, if there is one.
 *
 * `firstSeen` is the seq of the first message on the screen. Returns `{place, isTrimmed}`: the place that is shown instead of the log now, and
 * whether the view has lost messages.
 */
export function letGo(log, place, { isAtEnd, firstSeen }) {
  const around = (messages, index) => messages.slice(Math.max(0, index - AROUND), index + AROUND);

  if (place) {
    if (isTooMuch(log)) log.keepNewest(KEPT); // The log isn't shown.
    if (!isTooMuch(place)) return { place, isTrimmed: false };
    const { messages } = place;
    const first = messages.findIndex(({ seq }) => seq >= firstSeen);
    place.keep(isAtEnd || first < 0 ? messages.slice(-KEPT) : around(messages, first));
    return { place, isTrimmed: true };
  }
  if (!isTooMuch(log)) return { place, isTrimmed: false };
  const { messages, more } = log;
  const first = isAtEnd ? messages.length : messages.findIndex(({ seq }) => seq >= firstSeen);
  const behind = messages.length - first;
  if (first < 0 || behind <= KEPT + AROUND) {
    log.keepNewest(first < 0 ? KEPT : Math.max(KEPT, behind + AROUND));
    return { place, isTrimmed: true };
  }
  log.keepNewest(KEPT);
  return { place: new OldPlace({ messages: around(messages, first), more: more || first > AROUND }), isTrimmed: true };
}

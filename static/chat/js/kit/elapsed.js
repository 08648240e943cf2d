/**
 * Durations. `now()` is in milliseconds and ignores changes of the clock. Use it for all waiting and comparing.
 *
 * It may stand still while the machine sleeps, and differs between tabs.
 */
export const now = () => performance.now();

/** A moment to measure from, by both clocks, because one may be set and the other may stand still during sleep. */
export function moment(at = Date.now()) {
  return { at, tick: now() - Math.max(0, Date.now() - at) };
}

/** Milliseconds since a `moment()`, the time of the machine's sleep included. */
export function elapsedSince({ at, tick }) {
  return Math.max(Date.now() - at, now() - tick);
}

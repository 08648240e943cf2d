/**
 * The wait before the next try, in milliseconds: "full jitter", a random time from 0 to a limit that doubles.
 *
 * It uses the whole range, so that the members of a dead server don't reconnect in one wave.
 */

const FIRST_LIMIT_MS = 1_000;
const LAST_LIMIT_MS = 30_000;

export function backoff(attempt, random = Math.random) {
  return Math.round(random() * Math.min(LAST_LIMIT_MS, FIRST_LIMIT_MS * 2 ** attempt));
}

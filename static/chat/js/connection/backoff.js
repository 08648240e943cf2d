/**
 * How long to wait before trying again, in milliseconds: "full jitter", anything from 0 to a limit that doubles.
 *
 * The whole range is used, so that the members of a room whose server died don't come back in one wave.
 */

const FIRST_LIMIT_MS = 1_000;
const LAST_LIMIT_MS = 30_000;

export function backoff(attempt, random = Math.random) {
  return Math.round(random() * Math.min(LAST_LIMIT_MS, FIRST_LIMIT_MS * 2 ** attempt));
}

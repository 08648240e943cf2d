/**
 * Cross-tab coordination with Web Locks: a lock ends with its tab, however the tab ends.
 *
 * Browsers have them over HTTPS and on localhost, and refuse them if storage is blocked. Without them every tab is the leader and sees no flags.
 */

export const knowsTabs = Boolean(navigator.locks);

/**
 * Does `work` while no other tab does what has this name, and returns what it does.
 *
 * Throws a TimeoutError where other tabs take longer than `patience` (ms). `work` must come to an end by itself.
 */
export async function alone(name, work, patience) {
  const limit = AbortSignal.timeout(patience); // Of the waiting alone: once it has begun, `work` isn't held up.
  let hasBegun = false;
  const begin = () => {
    hasBegun = true;
    return work();
  };
  try {
    return await (knowsTabs ? navigator.locks.request(name, { signal: limit }, begin) : begin());
  } catch (error) {
    if (hasBegun || limit.aborted) throw error;
    return begin(); // The lock was refused.
  }
}

/** Calls `begin` once no other tab leads under `name`. Returns the way to resign. */
export function lead(name, begin) {
  return request(name, "exclusive", begin);
}

/** Raises a flag that all tabs can see. Returns the way to lower it. */
export function raise(name) {
  return request(name, "shared", () => {});
}

/** Calls `handler` once no tab has the flag raised; at once where that can't be known. Returns the way to stop waiting. */
export function whenLowered(name, handler) {
  if (!knowsTabs) {
    handler();
    return () => {};
  }
  const waiting = new AbortController();
  navigator.locks.request(name, { signal: waiting.signal }, handler).catch(() => {}); // Given up while it waited.
  return () => waiting.abort();
}

/** In how many tabs the flag is raised; in none where that can't be known. */
export async function raisedIn(name) {
  const { held = [], pending = [] } = (await navigator.locks?.query().catch(() => null)) ?? {}; // Refused where nothing may be stored.
  const flags = [...held, ...pending].filter((lock) => lock.name === name && lock.mode === "shared"); // Another mode only waits for their end.
  return new Set(flags.map(({ clientId }) => clientId)).size;
}

function request(name, mode, begin) {
  if (!knowsTabs) {
    begin();
    return () => {};
  }
  const waiting = new AbortController();
  let end = () => waiting.abort();
  const hold = () => {
    begin();
    return new Promise((release) => (end = () => release(undefined)));
  };
  // Else it was given up while it waited.
  navigator.locks.request(name, { mode, signal: waiting.signal }, hold).catch((error) => error.name === "SecurityError" && begin());
  return () => end();
}

/**
 * Cross-tab coordination with Web Locks: a lock ends with its tab in any case.
 *
 * Browsers have them over HTTPS and on localhost, and refuse them if storage is blocked. Without them every tab is the leader and sees no flags.
 */

export const knowsTabs = Boolean(navigator.locks);

/**
 * Runs `work` while no other tab runs work with this name, and returns its result.
 *
 * Throws a TimeoutError if other tabs take longer than `patience` (ms). `work` must end by itself.
 */
export async function alone(name, work, patience) {
  const limit = AbortSignal.timeout(patience); // Limits only the wait, not `work`.
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

/** Calls `begin` once no other tab leads under `name`. Returns a function that resigns. */
export function lead(name, begin) {
  return request(name, "exclusive", begin);
}

/** Raises a flag that all tabs can see. Returns a function that lowers it. */
export function raise(name) {
  return request(name, "shared", () => {});
}

/** Calls `handler` once no tab has the flag raised, or at once without Web Locks. Returns a function that stops the wait. */
export function whenLowered(name, handler) {
  if (!knowsTabs) {
    handler();
    return () => {};
  }
  const waiting = new AbortController();
  navigator.locks.request(name, { signal: waiting.signal }, handler).catch(() => {}); // It was stopped.
  return () => waiting.abort();
}

/** The number of tabs with the flag raised. 0 without Web Locks. */
export async function raisedIn(name) {
  const { held = [], pending = [] } = (await navigator.locks?.query().catch(() => null)) ?? {}; // Refused if storage is blocked.
  const flags = [...held, ...pending].filter((lock) => lock.name === name && lock.mode === "shared"); // Others only wait for their end.
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
  // Otherwise it was stopped while it waited.
  navigator.locks.request(name, { mode, signal: waiting.signal }, hold).catch((error) => error.name === "SecurityError" && begin());
  return () => end();
}

/**
 * What the tabs of one browser settle among themselves, by its locks: a lock ends with its tab, however that ends.
 *
 * Browsers have them over HTTPS and on localhost. Elsewhere every tab leads, and sees no flag but its own.
 */

/** Calls `begin` once no other tab leads under `name`. Returns the way to resign. */
export function lead(name, begin) {
  return request(name, "exclusive", begin);
}

/** Raises a flag that all tabs can see. Returns the way to lower it. */
export function raise(name) {
  return request(name, "shared", () => {});
}

export async function isRaised(name) {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return held.some((lock) => lock.name === name);
}

function request(name, mode, begin) {
  if (!navigator.locks) {
    begin();
    return () => {};
  }
  const waiting = new AbortController();
  let end = () => waiting.abort();
  const hold = () => {
    begin();
    return new Promise((release) => (end = release));
  };
  navigator.locks.request(name, { mode, signal: waiting.signal }, hold).catch(() => {}); // Given up while it waited.
  return () => end();
}

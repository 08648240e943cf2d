/**
 * Small values that survive the page: all tabs share `openStore("localStorage")`, and `"sessionStorage"` belongs to this tab.
 *
 * If the browser has no storage (blocked, full, private mode), values stay in memory until the page is left. So they do in `openStore("memory")`.
 */

const PREFIX = "chatty.";

/** @param {"localStorage" | "sessionStorage" | "memory"} area */
export function openStore(area) {
  const memory = new Map();

  function get(key) {
    if (memory.has(key)) return memory.get(key);
    try {
      return JSON.parse(window[area].getItem(PREFIX + key) ?? "null");
    } catch {
      return null;
    }
  }

  function set(key, value) {
    try {
      window[area].setItem(PREFIX + key, JSON.stringify(value));
      memory.delete(key);
    } catch {
      memory.set(key, value);
    }
  }

  function remove(key) {
    memory.delete(key);
    try {
      window[area].removeItem(PREFIX + key);
    } catch {
      // Nothing was stored.
    }
  }

  /** Calls `handler` when another tab sets `key`. Returns a function that stops it. */
  function watch(key, handler) {
    const onStorage = (event) => event.key === PREFIX + key && event.newValue !== null && handler(JSON.parse(event.newValue));
    window.addEventListener("storage", onStorage);
    return () => window.removeEventListener("storage", onStorage);
  }

  /** The keys that begin with `start`. */
  function keys(start) {
    const found = new Set([...memory.keys()].filter((key) => key.startsWith(start)));
    try {
      for (const key of Object.keys(window[area])) if (key.startsWith(PREFIX + start)) found.add(key.slice(PREFIX.length));
    } catch {
      // Nothing is stored.
    }
    return [...found];
  }

  /** Calls `handler(key)` when another tab sets or removes a key that begins with `start`. Returns a function that stops it. */
  function watchAll(start, handler) {
    const onStorage = ({ key, storageArea }) => {
      if (storageArea === window[area] && key?.startsWith(PREFIX + start)) handler(key.slice(PREFIX.length));
    };
    window.addEventListener("storage", onStorage);
    return () => window.removeEventListener("storage", onStorage);
  }

  return { get, set, remove, watch, keys, watchAll };
}

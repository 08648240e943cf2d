/**
 * The rooms that this browser has visited, with the reading position:
 * `{slug, title, log, seq, at, active?, isPinned?, isMuted?}`. Shared by all tabs.
 *
 * `seq` is the newest message that was read, in the history `log`; `at` is when the room was last open, in milliseconds since 1970. `active` is when
 * something was last said there, as far as this browser knows.
 */
import { openStore } from "./store.js";

const KIND = "visit."; // Each room has a key, so that tabs in different rooms never overwrite each other.

export function openVisits() {
  const store = openStore("localStorage");

  function get(slug) {
    return store.get(KIND + slug);
  }

  /** The visits, latest first. */
  function all() {
    return store
      .keys(KIND)
      .map((key) => store.get(key))
      .filter((visit) => visit?.slug)
      .sort((a, b) => b.at - a.at);
  }

  /** Updates the given fields of a room. Others stay. */
  function put(slug, changes) {
    store.set(KIND + slug, { title: slug, log: null, seq: 0, at: 0, ...get(slug), ...changes, slug });
  }

  function forget(slug) {
    store.remove(KIND + slug);
  }

  /** Calls `handler(slug)` when another tab updates or removes a room. Returns a function that stops it. */
  function watch(handler) {
    return store.watchAll(KIND, (key) => handler(key.slice(KIND.length)));
  }

  return { get, all, put, forget, watch };
}

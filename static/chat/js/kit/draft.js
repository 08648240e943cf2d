/**
 * The draft of a room: `{read, write, clear, watchSent}`. This tab's own text comes first, over reloads too. A new tab starts
 * with the latest text of any tab, also from before the browser was closed.
 */
import { openStore } from "./store.js";

const KIND = "draft.";

export function openDraft(room) {
  const own = openStore("sessionStorage");
  const shared = openStore("localStorage");
  const key = KIND + room;
  let isBorrowed = own.get(key) === null;
  let text = own.get(key) ?? shared.get(key) ?? "";

  function write(now) {
    const isOurs = shared.get(key) === text;
    isBorrowed = false;
    text = now;
    own.set(key, text); // Also an empty text: this tab is done, even if another tab still has one.
    if (text.trim()) shared.set(key, text);
    else if (isOurs) shared.remove(key);
  }

  /** Calls `handler()` when another tab has sent the text that this one took over. Returns a function that stops it. */
  function watchSent(handler) {
    return shared.watchAll(key, (changed) => {
      if (changed !== key || !isBorrowed || !text || shared.get(key) !== null) return;
      text = "";
      handler();
    });
  }

  return { read: () => text, write, clear: () => write(""), watchSent };
}

/** The rooms with a draft in any tab. `watch(handler)` calls it when another tab changes that, and returns a function that stops it. */
export function openDrafts() {
  const shared = openStore("localStorage");
  return {
    rooms: () => new Set(shared.keys(KIND).map((key) => key.slice(KIND.length))),
    watch: (handler) => shared.watchAll(KIND, handler),
  };
}

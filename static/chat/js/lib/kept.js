/**
 * What a tab has still to do in a room, kept so that it outlives the tab. Each value has an id, and the tab that it belongs to.
 *
 * A tab does its own, also after a reload. What a tab leaves that is gone for good, another one of the same room takes over, at the latest the
 * next that is opened. Two may take over the same (see `tabs.js`), so it must be harmless to do it twice.
 */
import { openStore } from "./store.js";
import { isRaised, knowsTabs, raise, whenLowered } from "./tabs.js";
import { makeUuid } from "./uuid.js";

const RETURN_MS = 3_000; // A tab that is only being loaded again is back by then.

/**
 * `{own, put, remove, close}`. `adopt(values)` is called with what was taken over, `drop(id)` when another tab is done with something.
 */
export function openKept(kind, room, { adopt, drop }) {
  const store = openStore("localStorage");
  const start = `${kind}.${room}.`;
  const tab = idOfTab();
  const followed = new Map(); // Other tabs, each with the way to stop waiting for its end.
  const ends = [raise(flagOf(tab)), store.watchAll(start, hear)];
  for (const { tab: owner } of all()) follow(owner);

  function all() {
    return store.keys(start).map((key) => ({ key, ...store.get(key) }));
  }

  function own() {
    return all()
      .filter(({ tab: owner }) => owner === tab)
      .map(({ value }) => value);
  }

  function put(id, value) {
    store.set(start + id, { tab, value });
  }

  function remove(id) {
    store.remove(start + id);
  }

  function hear(key) {
    const changed = store.get(key);
    if (!changed) drop(key.slice(start.length));
    else if (knowsTabs) follow(changed.tab); // Else a tab that lives would be taken for one that is gone.
  }

  /** Takes over what a tab leaves, when it is gone and hasn't come back. */
  function follow(owner) {
    if (owner === tab || followed.has(owner)) return;
    const stopWaiting = whenLowered(flagOf(owner), () => {
      const timer = setTimeout(async () => {
        const isBack = await isRaised(flagOf(owner));
        if (!followed.delete(owner)) return; // Closed meanwhile.
        if (isBack) follow(owner);
        else takeOver(owner);
      }, RETURN_MS);
      followed.set(owner, () => clearTimeout(timer));
    });
    if (!followed.has(owner)) followed.set(owner, stopWaiting);
  }

  function takeOver(owner) {
    const left = all().filter((kept) => kept.tab === owner);
    for (const { key, value } of left) store.set(key, { tab, value });
    if (left.length) adopt(left.map(({ value }) => value));
  }

  function close() {
    ends.forEach((end) => end());
    followed.forEach((stop) => stop());
    followed.clear();
  }

  return { own, put, remove, close };
}

/** The rooms in which something is kept, in whichever tab. `watch(handler)` calls when that changes in another tab, and returns the way to stop. */
export function openKeptRooms(kind) {
  const store = openStore("localStorage");
  return {
    rooms: () => new Set(store.keys(`${kind}.`).map((key) => key.split(".")[1])),
    watch: (handler) => store.watchAll(`${kind}.`, handler),
  };
}

function flagOf(tab) {
  return `chatty.tab.${tab}`;
}

/** A reload doesn't change it. */
function idOfTab() {
  const store = openStore("sessionStorage");
  const id = store.get("tab") ?? makeUuid();
  store.set("tab", id);
  return id;
}

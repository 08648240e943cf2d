/**
 * Unfinished work of a tab in a room, stored so that it outlives the tab. Each value has an id and belongs to one tab.
 *
 * A tab does its own work, also after a reload. If a tab is gone, another tab of the room takes over its work, at the latest the
 * next one that opens. Two tabs may take over the same work (see `tabs.js`), so doing it twice must be harmless.
 */
import { openStore } from "./store.js";
import { knowsTabs, raise, raisedIn, whenLowered } from "./tabs.js";
import { makeUuid } from "./uuid.js";

const GONE_MS = 3_000; // Of a tab that isn't there when this one is opened, hardly anything comes back: a restarted browser brings all at once.
const RELOAD_MS = 10_000; // One that ends while this one looks on may only be loaded again.

/**
 * `{own, keep, close}`, for values of a kind in a room, each `{at, ...}` with an id of its own. `adopt(values)` is called with what was taken
 * over, and `drop(id)` when another tab is done with a value that this one has as well.
 */
export function openKept(kind, room, idOf, { adopt, drop }) {
  const store = openStore("localStorage");
  const start = `${kind}.${room}.`;
  let tab = idOfTab();
  const followed = new Map(); // Other tabs, each with the way to stop waiting for its end.
  const own = left(tab);
  let written = new Map(own.map((value) => [idOf(value), value]));
  let isClosed = false;
  let lower = raise(flagOf(tab));
  const stopWatching = store.watchAll(start, onStorage);
  for (const { tab: owner } of all()) follow(owner);
  partFromTwin();

  function all() {
    return store.keys(start).map((key) => store.get(key)).filter((kept) => kept?.value); // Ignores foreign values.
  }

  /** What a tab has kept, the oldest first. */
  function left(owner) {
    return inOrder(all().filter((kept) => kept.tab === owner).map(({ value }) => value));
  }

  /** A tab that was duplicated has the id of the first one. Two of one id would never take over what the other leaves. */
  async function partFromTwin() {
    if ((await raisedIn(flagOf(tab))) < 2 || isClosed) return;
    tab = newIdOfTab(tab);
    lower();
    lower = raise(flagOf(tab));
    written.forEach(put);
  }

  function put(value, id) {
    store.set(start + id, { tab, value });
  }

  /** Keeps these, and nothing else of what this tab had. */
  function keep(values) {
    const now = new Map(values.map((value) => [idOf(value), value]));
    for (const id of written.keys()) if (!now.has(id)) store.remove(start + id);
    for (const [id, value] of now) if (written.get(id) !== value) put(value, id);
    written = now;
  }

  function onStorage(key) {
    const changed = store.get(key);
    if (changed && knowsTabs) follow(changed.tab); // Without locks, a tab that lives would be taken for one that is gone.
    const id = key.slice(start.length);
    if (!changed && written.delete(id)) drop(id);
  }

  /** Takes over what a tab leaves, when it is gone and hasn't come back. */
  async function follow(owner) {
    if (owner === tab || followed.has(owner)) return;
    let timer = null;
    followed.set(owner, () => clearTimeout(timer));
    const pause = (await raisedIn(flagOf(owner))) ? RELOAD_MS : GONE_MS;
    if (!followed.has(owner)) return; // Closed meanwhile.
    const stopWaiting = whenLowered(flagOf(owner), () => (timer = setTimeout(look, pause, owner)));
    followed.set(owner, () => {
      stopWaiting();
      clearTimeout(timer);
    });
  }

  async function look(owner) {
    const isBack = await raisedIn(flagOf(owner));
    if (!followed.delete(owner)) return; // Closed meanwhile.
    if (isBack) follow(owner);
    else takeOver(owner);
  }

  function takeOver(owner) {
    const values = left(owner);
    const added = values.filter((value) => !written.has(idOf(value))); // Two may have taken over the same before.
    for (const value of added) written.set(idOf(value), value);
    for (const id of values.map(idOf)) put(written.get(id), id);
    if (added.length) adopt(added);
  }

  function close() {
    isClosed = true;
    lower();
    stopWatching();
    followed.forEach((stop) => stop());
    followed.clear();
  }

  return { own, keep, close };
}

export function inOrder(values) {
  return [...values].sort((one, other) => one.at - other.at);
}

/** When a value comes about that follows these: their times are their order as well. */
export function nextTime(values) {
  return Math.max(Date.now(), (values.at(-1)?.at ?? 0) + 1);
}

/** The rooms in which something is kept, in any tab. `watch(handler)` calls it when that changes in another tab, and returns the way to stop. */
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
  return openStore("sessionStorage").get("tab") ?? newIdOfTab(null);
}

/** Another id than `old`, shared by all users on this page. */
function newIdOfTab(old) {
  const store = openStore("sessionStorage");
  const stored = store.get("tab");
  const id = stored && stored !== old ? stored : makeUuid();
  store.set("tab", id);
  return id;
}

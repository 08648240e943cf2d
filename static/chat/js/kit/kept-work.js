/**
 * Unfinished work of a tab in a room, stored so that it survives the tab. Each value has an id and belongs to one tab.
 *
 * A tab does its own work, also after a reload. If a tab is gone, another tab of the room takes over its work, at the latest the
 * next one that opens. Two tabs may take over the same work (see `tabs.js`), so doing it twice must be harmless.
 */
import { openStore } from "./store.js";
import { knowsTabs, raise, raisedIn, whenLowered } from "./tabs.js";
import { makeUuid } from "./uuid.js";

const GONE_MS = 3_000; // For a tab that is missing when this one opens. It seldom returns: a restarted browser opens all tabs at once.
const RELOAD_MS = 10_000; // For a tab that ends while this one is open. It may only be reloading.

/**
 * Returns `{own, keep, close}` for values of one kind in a room, each `{at, ...}` with its own id. Calls `adopt(values)` with values that it
 * takes over, and `drop(id)` when another tab is done with a value that this one also has.
 */
export function openKept(kind, room, idOf, { adopt, drop }) {
  const store = openStore("localStorage");
  const start = `${kind}.${room}.`;
  let tab = idOfTab();
  const followed = new Map(); // Other tabs, each with a function that stops waiting for its end.
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

  /** The values that a tab has kept, oldest first. */
  function left(owner) {
    return inOrder(all().filter((kept) => kept.tab === owner).map(({ value }) => value));
  }

  /** Gives a duplicated tab a new id. Two tabs with one id would never take over each other's work. */
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

  /** Replaces this tab's kept values. */
  function keep(values) {
    const now = new Map(values.map((value) => [idOf(value), value]));
    for (const id of written.keys()) if (!now.has(id)) store.remove(start + id);
    for (const [id, value] of now) if (written.get(id) !== value) put(value, id);
    written = now;
  }

  function onStorage(key) {
    const changed = store.get(key);
    if (changed && knowsTabs) follow(changed.tab); // Without locks, an open tab would seem gone.
    const id = key.slice(start.length);
    if (!changed && written.delete(id)) drop(id);
  }

  /** Takes over a tab's work when the tab is gone and doesn't return in time. */
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
    const added = values.filter((value) => !written.has(idOf(value))); // Another tab may have taken over the same.
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

/** The time of a new value, always later than these: the times are also the order. */
export function nextTime(values) {
  return Math.max(Date.now(), (values.at(-1)?.at ?? 0) + 1);
}

/** The rooms with kept work in any tab. `watch(handler)` calls it when another tab changes that, and returns a function that stops it. */
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

/** This tab's id. A reload doesn't change it. */
function idOfTab() {
  return openStore("sessionStorage").get("tab") ?? newIdOfTab(null);
}

/** A new id for this tab instead of `old`, shared by all modules on this page. */
function newIdOfTab(old) {
  const store = openStore("sessionStorage");
  const stored = store.get("tab");
  const id = stored && stored !== old ? stored : makeUuid();
  store.set("tab", id);
  return id;
}

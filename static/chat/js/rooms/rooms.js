/**
 * The rooms that this browser has visited, with unread counts, which come over this room's connection.
 *
 * All tabs share kit/visits.js, so a room that was read or visited in one tab counts as such in all.
 */
import {
  APP_LAUNCHED,
  CONNECTION_CHANGED,
  ROOMS_ACTIVE,
  ROOMS_CHANGED,
  ROOM_CHANGED,
  ROOM_WELCOMED,
  request,
  subscribeAll,
} from "../app/events.js";
import { openDrafts } from "../kit/draft.js";
import { openKeptRooms } from "../kit/kept-work.js";
import { watchLooks } from "../kit/page-focus.js";
import { openStore } from "../kit/store.js";
import { Unread } from "./unread.js";
import { openVisits } from "../kit/visits.js";
import { forget, markRead } from "./signals.js";

const WATCHED = 50; // The protocol's limit.
const BURST_MS = 1_000; // Changes in other tabs come in bursts.
const RETRY_MS = 10_000; // A refused `watch` is sent again: without it the counts are old.
const KEY = "unread"; // Counts from the last page, until the server has answered.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const here = root.dataset.room;
  const store = openStore("sessionStorage");
  const visits = openVisits();
  const drafts = openDrafts();
  const outboxes = openKeptRooms("outbox");
  const collator = new Intl.Collator(document.documentElement.lang || "en", { numeric: true });
  const known = new Map(visits.all().map((visit) => [visit.slug, visit]));
  const unread = new Unread(store.get(KEY));
  const { unread: count, head } = unread.of(here);
  const badge = count ? { unread: count, head } : null; // What this room's badge said when it was opened.
  let begun = drafts.rooms();
  let waiting = outboxes.rooms();
  let isJoined = false;
  let isWatching = false;
  let published = "";
  let watchTimer = null;
  let callOff = () => {};

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: publish,
      [ROOM_WELCOMED]({ room, log, head, isRemembered }) {
        if (isRemembered) return; // The connection follows.
        isJoined = true;
        isWatching = false; // A new connection doesn't watch yet.
        // Messages before the first visit aren't unread, and a reading position isn't valid in another history.
        const isNew = visits.get(here)?.log !== log;
        note(here, { title: room.title, at: Date.now(), ...(isNew && { log, seq: head }) });
        unread.forget(here);
        watch();
        publish();
      },
      [ROOM_CHANGED]({ room }) {
        note(here, { title: room.title });
        publish();
      },
      [CONNECTION_CHANGED]({ state }) {
        if (state === "joined") return; // The welcome follows.
        isJoined = false;
        clearTimeout(watchTimer);
      },
      [ROOMS_ACTIVE]({ rooms }) {
        if (!unread.add(rooms, seqOf)) watchSoon();
        publish();
      },
    }),
    forget.listen(({ slug }) => {
      visits.forget(slug);
      known.delete(slug);
      watchSoon();
      publish();
    }),
    markRead.listen(({ slug }) => {
      note(slug, { seq: Math.max(seqOf(slug), unread.of(slug).head) });
      unread.read(slug, seqOf(slug));
      publish();
    }),
    visits.watch(onVisitChanged),
    drafts.watch(() => {
      begun = drafts.rooms();
      publish();
    }),
    outboxes.watch(() => {
      waiting = outboxes.rooms();
      publish();
    }),
    // The tab that gets the focus has the latest visit.
    watchLooks((isLooked) => isLooked && known.has(here) && note(here, { at: Date.now() })),
  ];

  function note(slug, changes) {
    const visit = known.get(slug) ?? {};
    if (Object.entries(changes).every(([key, value]) => visit[key] === value)) return;
    visits.put(slug, changes);
    known.set(slug, visits.get(slug));
  }

  /** Applies another tab's visit, reading position or removal of a room. */
  function onVisitChanged(slug) {
    const before = known.get(slug);
    const now = visits.get(slug);
    if (now) known.set(slug, now);
    else known.delete(slug);
    const isKnown = before && now && (now.seq === before.seq || unread.read(slug, now.seq));
    if (slug !== here && !isKnown) watchSoon();
    publish();
  }

  function seqOf(slug) {
    return known.get(slug)?.seq ?? 0;
  }

  function watchSoon(wait = BURST_MS) {
    clearTimeout(watchTimer);
    if (isJoined) watchTimer = setTimeout(watch, wait);
  }

  function watch() {
    clearTimeout(watchTimer);
    callOff();
    const others = [...known.values()].filter(({ slug }) => slug !== here).sort((one, other) => other.at - one.at);
    const rooms = others.slice(0, WATCHED).map(({ slug, seq }) => ({ slug, seq }));
    if (!rooms.length && !isWatching) return;
    isWatching = true;
    callOff = request(events, { type: "watch", rooms }, (answer) => (answer.type === "unread" ? learn(answer) : watchSoon(RETRY_MS)));
  }

  function learn({ rooms }) {
    unread.answer(rooms);
    for (const { slug, title } of rooms) {
      if (known.has(slug)) note(slug, { title });
      unread.read(slug, seqOf(slug)); // Another tab may have read it while the answer was on its way.
    }
    publish();
  }

  function publish() {
    const rooms = [...known.values()]
      .map(({ slug, title, at }) => {
        const isCurrent = slug === here;
        const { unread: count, called: mentions } = isCurrent ? { unread: 0, called: 0 } : unread.of(slug);
        const hasUnsent = !isCurrent && (begun.has(slug) || waiting.has(slug));
        return { slug, title, at, isCurrent, hasUnsent, unread: count, mentions, ...(isCurrent && badge && { badge }) };
      })
      .sort((one, other) => collator.compare(one.title, other.title) || (one.slug < other.slug ? -1 : 1));
    const now = JSON.stringify(rooms);
    if (now === published) return;
    published = now;
    store.set(KEY, unread.saved);
    events.publish(ROOMS_CHANGED, { rooms });
  }

  return function unmount() {
    ends.forEach((end) => end());
    clearTimeout(watchTimer);
    callOff();
  };
}

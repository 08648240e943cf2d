/**
 * The rooms that this browser has visited, with unread counts, which come over this room's connection.
 *
 * All tabs share kit/visits.js, so a room that was read or visited in one tab counts as such in all.
 */
import {
  APP_LAUNCHED,
  CONNECTION_CHANGED,
  MESSAGE_ARRIVED,
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
import { sorted } from "./room-order.js";
import { arrange, forget, markRead, sortBy } from "./signals.js";

const WATCHED = 50; // The protocol's limit.
const BURST_MS = 1_000; // Changes in other tabs come in bursts.
const RETRY_MS = 10_000; // A refused `watch` is sent again: without it the counts are old.
const ACTIVE_MS = 10_000; // A later time of activity is stored if it is so much later: all tabs hear of it.
const ORDER = "rooms.order";
const KEY = "unread"; // Counts from the last page, until the server has answered.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const here = root.dataset.room;
  const store = openStore("sessionStorage");
  const settings = openStore("localStorage");
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
  let activeTimer = null;
  let callOff = () => {};

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: publish,
      [ROOM_WELCOMED]({ room, log, head, messages, isRemembered }) {
        if (isRemembered) return; // The connection follows.
        isJoined = true;
        isWatching = false; // A new connection doesn't watch yet.
        // Messages before the first visit aren't unread, and a reading position isn't valid in another history.
        const isNew = visits.get(here)?.log !== log;
        note(here, { title: room.title, at: Date.now(), ...(isNew && { log, seq: head }) });
        unread.forget(here);
        touch(here, messages.at(-1)?.at ?? 0);
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
      [MESSAGE_ARRIVED]({ at }) {
        touch(here, at);
        activeTimer ??= setTimeout(showActive, BURST_MS);
      },
      [ROOMS_ACTIVE]({ rooms }) {
        for (const { slug } of rooms) touch(slug, Date.now());
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
    arrange.listen(({ slug, changes }) => {
      note(slug, changes);
      publish();
    }),
    sortBy.listen(({ order }) => {
      settings.set(ORDER, order);
      publish();
    }),
    settings.watch(ORDER, publish),
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

  /** Notes that something was said in a room. The exact time is this tab's. */
  function touch(slug, active) {
    const visit = known.get(slug);
    if (!visit || active <= (visit.active ?? 0)) return;
    if (active - (visits.get(slug)?.active ?? 0) > ACTIVE_MS) note(slug, { active });
    else known.set(slug, { ...visit, active });
  }

  function showActive() {
    activeTimer = null;
    publish();
  }

  /** Applies another tab's visit, reading position or removal of a room. */
  function onVisitChanged(slug) {
    const before = known.get(slug);
    const now = visits.get(slug);
    if (now) known.set(slug, { ...now, active: Math.max(now.active ?? 0, before?.active ?? 0) });
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
    for (const { slug, title, unread: count } of rooms) {
      const visit = known.get(slug);
      if (visit) note(slug, { title });
      if (count && !(visit?.active > visit?.at)) touch(slug, Date.now()); // It was said since the last visit, nobody knows when.
      unread.read(slug, seqOf(slug)); // Another tab may have read it while the answer was on its way.
    }
    publish();
  }

  function publish() {
    const order = settings.get(ORDER) === "activity" ? "activity" : "name";
    const rooms = sorted([...known.values()].map(describe), order, collator);
    const now = JSON.stringify([order, rooms.map(({ active, ...shown }) => shown)]);
    if (now === published) return;
    published = now;
    store.set(KEY, unread.saved);
    events.publish(ROOMS_CHANGED, { rooms, order });
  }

  /** In a muted room, only messages that mention the reader count. */
  function describe({ slug, title, at, active = 0, isPinned = false, isMuted = false }) {
    const isCurrent = slug === here;
    const { unread: count, called: mentions } = isCurrent ? { unread: 0, called: 0 } : unread.of(slug);
    const hasUnsent = !isCurrent && (begun.has(slug) || waiting.has(slug));
    const counts = { unread: isMuted ? mentions : count, mentions };
    return { slug, title, at, active, isCurrent, isPinned, isMuted, hasUnsent, ...counts, ...(isCurrent && badge && { badge }) };
  }

  return function unmount() {
    ends.forEach((end) => end());
    clearTimeout(watchTimer);
    clearTimeout(activeTimer);
    const { active } = known.get(here) ?? {};
    if (active) note(here, { active });
    callOff();
  };
}

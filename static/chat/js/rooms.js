/**
 * The rooms that this browser has visited, and how much is unread in each: watches them through this room's connection.
 *
 * What stands in lib/visits.js is shared by the tabs, so a room that is read or visited in one of them is so in all.
 */
import {
  APP_LAUNCHED,
  CONNECTION_CHANGED,
  FORGET_ROOM,
  READ_ROOM,
  ROOMS_ACTIVE,
  ROOMS_CHANGED,
  ROOM_CHANGED,
  ROOM_WELCOMED,
  SEND_COMMAND,
  UNREAD_ARRIVED,
  subscribeAll,
} from "./events.js";
import { openDrafts } from "./lib/draft.js";
import { openKeptRooms } from "./lib/kept.js";
import { watchLooks } from "./lib/looks.js";
import { openStore } from "./lib/store.js";
import { Unread } from "./lib/unread.js";
import { openVisits } from "./lib/visits.js";

const WATCHED = 50; // As many as the server takes.
const SETTLE_MS = 1_000; // What changes in other tabs comes in bursts.
const ANSWER_MS = 10_000; // A refused or lost `watch` is sent again: without it the counts are old.
const KEY = "unread"; // Over a page load, until the server has answered.

export function mount({ events, root }) {
  const here = root.dataset.room;
  const store = openStore("sessionStorage");
  const visits = openVisits();
  const drafts = openDrafts();
  const outboxes = openKeptRooms("outbox");
  const collator = new Intl.Collator(document.documentElement.lang || "en", { numeric: true });
  const known = new Map(visits.all().map((visit) => [visit.slug, visit]));
  const unread = new Unread(store.get(KEY));
  let begun = drafts.rooms();
  let waiting = outboxes.rooms();
  let isJoined = false;
  let isWatching = false;
  let told = "";
  let settleTimer = null;
  let answerTimer = null;

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: tell,
      [ROOM_WELCOMED]({ room, log, head }) {
        isJoined = true;
        isWatching = false; // A new connection watches nothing.
        // What was said before the first visit isn't unread, nor is another history what was read in this one.
        const isNew = visits.get(here)?.log !== log;
        note(here, { title: room.title, at: Date.now(), ...(isNew && { log, seq: head }) });
        watch();
        tell();
      },
      [ROOM_CHANGED]({ room }) {
        note(here, { title: room.title });
        tell();
      },
      [CONNECTION_CHANGED]({ state }) {
        if (state === "joined") return; // The welcome follows.
        isJoined = false;
        clearTimeout(settleTimer);
        clearTimeout(answerTimer);
      },
      [UNREAD_ARRIVED]({ rooms }) {
        clearTimeout(answerTimer);
        unread.answer(rooms);
        for (const { slug, title } of rooms) {
          if (known.has(slug)) note(slug, { title });
          unread.read(slug, seqOf(slug)); // Perhaps in another tab, while the answer was on its way.
        }
        tell();
      },
      [ROOMS_ACTIVE]({ rooms }) {
        if (!unread.add(rooms, seqOf)) watchSoon();
        tell();
      },
      [READ_ROOM]({ slug }) {
        note(slug, { seq: Math.max(seqOf(slug), unread.of(slug).head) });
        unread.read(slug, seqOf(slug));
        tell();
      },
      [FORGET_ROOM]({ slug }) {
        visits.forget(slug);
        known.delete(slug);
        watchSoon();
        tell();
      },
    }),
    visits.watch(hear),
    drafts.watch(() => {
      begun = drafts.rooms();
      tell();
    }),
    outboxes.watch(() => {
      waiting = outboxes.rooms();
      tell();
    }),
    // The room that one comes back to is the newest again, in whichever tab.
    watchLooks((isLooked) => isLooked && known.has(here) && note(here, { at: Date.now() })),
  ];

  function note(slug, news) {
    const visit = known.get(slug) ?? {};
    if (Object.entries(news).every(([key, value]) => visit[key] === value)) return;
    visits.put(slug, news);
    known.set(slug, visits.get(slug));
  }

  /** Another tab visited the room, read on in it, or took it off the list. */
  function hear(slug) {
    const before = known.get(slug);
    const now = visits.get(slug);
    if (now) known.set(slug, now);
    else known.delete(slug);
    const isSettled = before && now && (now.seq === before.seq || unread.read(slug, now.seq));
    if (slug !== here && !isSettled) watchSoon();
    tell();
  }

  function seqOf(slug) {
    return known.get(slug)?.seq ?? 0;
  }

  function watchSoon() {
    clearTimeout(settleTimer);
    if (isJoined) settleTimer = setTimeout(watch, SETTLE_MS);
  }

  function watch() {
    clearTimeout(settleTimer);
    clearTimeout(answerTimer);
    const others = [...known.values()].filter(({ slug }) => slug !== here).sort((one, other) => other.at - one.at);
    const rooms = others.slice(0, WATCHED).map(({ slug, seq }) => ({ slug, seq }));
    if (!rooms.length && !isWatching) return;
    isWatching = true;
    answerTimer = setTimeout(watch, ANSWER_MS);
    events.publish(SEND_COMMAND, { command: { type: "watch", rooms } });
  }

  function tell() {
    const rooms = [...known.values()]
      .map(({ slug, title, at }) => {
        const isCurrent = slug === here;
        const { unread: count, called } = isCurrent ? { unread: 0, called: 0 } : unread.of(slug);
        const hasUnsent = !isCurrent && (begun.has(slug) || waiting.has(slug));
        return { slug, title, at, isCurrent, hasUnsent, unread: count, called };
      })
      .sort((one, other) => collator.compare(one.title, other.title) || (one.slug < other.slug ? -1 : 1));
    const now = JSON.stringify(rooms);
    if (now === told) return;
    told = now;
    store.set(KEY, unread.saved);
    events.publish(ROOMS_CHANGED, { rooms });
  }

  return function unmount() {
    ends.forEach((end) => end());
    clearTimeout(settleTimer);
    clearTimeout(answerTimer);
  };
}

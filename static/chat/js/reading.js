/**
 * How far the room was read, and what is new since the reader left: a line above the first of it, and a button that leads there.
 *
 * Read is what was on the screen while the window was visible and had the focus. `lib/visits.js` keeps it, for all tabs.
 */
import {
  CONNECTION_CHANGED,
  DIVIDER_MOVED,
  FILTER_CHANGED,
  MESSAGE_SHOWN,
  ROOM_PULSED,
  ROOM_WELCOMED,
  SHOW_MESSAGE,
  SHOW_NEWEST,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_LOADING,
  TIMELINE_MISSED,
  TIMELINE_RESET,
  VIEW_MOVED,
  subscribeAll,
} from "./events.js";
import { listen, setText, slot } from "./lib/dom.js";
import { isFreeEscape } from "./lib/escape.js";
import { isLookedAt, watchLooks } from "./lib/looks.js";
import { clock, dayName, dayOf } from "./lib/time.js";
import { openVisits } from "./lib/visits.js";
import { readWords } from "./lib/words.js";

const AWAY_MS = 60_000; // A glance at another window isn't leaving.
const GRACE_MS = 15_000; // So long after the return, a connection that was lost meanwhile brings what was missed.
const TICK_MS = 5_000; // A pause between ticks that is as long as AWAY_MS: the machine was asleep.
const NOTE_MS = 1_000; // The storage isn't for each message of a flood.

export function mount({ events, root }) {
  const { plural } = readWords(root);
  const bar = slot(root, "since-bar");
  const visits = openVisits();
  const slug = document.body.dataset.room;
  const visit = visits.get(slug); // As it was before this one.
  let me = null;
  let log = null;
  let title = slug;
  let seq = null; // Read up to here: 0 in a room in which nothing had been said, null where it isn't known.
  let view = null;
  let away = null; // Since nobody looks: {seq, at, news, isWhole}, `news` being the seqs of what others said.
  let back = null; // The same, for a while after the return.
  let line = null; // {after, first, lowest, isDone}: what is new begins after a seq, and `first` is it, once that is loaded.
  let isFiltered = false;
  let isLed = false; // To a message that is still to come: what is on the screen until then isn't what anybody reads.
  let noteTimer = null;
  let tick = Date.now();

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED]: welcome,
      [CONNECTION_CHANGED]({ state }) {
        if (back) back.isCatchingUp = state === "joined" && Date.now() < back.until;
      },
      [ROOM_PULSED]: () => back?.isCatchingUp && (back = null),
      [FILTER_CHANGED]({ filter }) {
        isFiltered = filter !== null;
        arrive();
        show();
      },
      [SHOW_MESSAGE]: () => (isLed = !isFiltered), // A filter shows what it has, or stays as it is.
      [MESSAGE_SHOWN]: () => requestAnimationFrame(arrive), // Of one that is there, this may come before `message:show` does.
      [SHOW_NEWEST]: arrive,
      [TIMELINE_LOADING]: ({ isLoading }) => isLoading || arrive(),
      [TIMELINE_RESET](reset) {
        if (!reset.newer && !isFiltered) miss(reset.messages, !reset.more);
        lookForFirst(reset);
      },
      [TIMELINE_EXTENDED]: lookForFirst,
      [TIMELINE_CHANGED]: ({ added }) => miss(added, true),
      [TIMELINE_MISSED]: ({ added }) => miss(added, true),
      [VIEW_MOVED]: see,
    }),
    visits.watch((changed) => changed === slug && follow(visits.get(slug))),
    listen(slot(root, "since-jump"), "click", jump),
    listen(slot(root, "since-dismiss"), "click", dismiss),
    listen(document, "keydown", (event) => {
      if (bar.hidden || !isFreeEscape(event)) return;
      event.preventDefault();
      dismiss();
    }),
    watchLooks((isLooked) => (isLooked ? comeBack() : leave())),
    listen(window, "pagehide", note), // The next page asks what is unread in this room.
  ];
  const ticker = setInterval(() => {
    const now = Date.now();
    if (now - tick >= AWAY_MS && !away) {
      leave(tick);
      comeBack();
    }
    tick = now;
  }, TICK_MS);

  function others(messages, after) {
    return messages.filter((message) => message.seq > after && message.author.id !== me).map((message) => message.seq);
  }

  function welcome({ me: { id }, room, log: history, head, messages, more }) {
    me = id;
    title = room.title;
    if (log === history) return;
    const isFirst = log === null;
    log = history;
    const isBack = isFirst && visit?.log === log;
    seq = isBack ? visit.seq : head ? null : 0;
    away = isLookedAt() ? null : { seq, at: Date.now(), news: [], isWhole: true };
    back = null;
    divide(null);
    if (!isBack) return;
    const isWhole = !more || messages.some((message) => message.seq <= seq);
    divideAt({ seq, at: visit.at, news: others(messages, seq), isWhole });
  }

  /** Another tab read on. */
  function follow(visit) {
    if (visit?.log !== log || visit.seq <= seq) return;
    seq = visit.seq;
    if (away) away.seq = seq;
  }

  // --- what is read ---

  function see(moved) {
    view = moved;
    if (isLed) return;
    if (isLookedAt() && log && view.newest > seq) {
      seq = view.newest;
      noteTimer ??= setTimeout(note, NOTE_MS);
    }
    show();
  }

  /** Where a link led to, or nowhere. The view may have moved there before that was known. */
  function arrive() {
    if (!isLed) return;
    isLed = false;
    requestAnimationFrame(() => view && see(view));
  }

  function note() {
    clearTimeout(noteTimer);
    noteTimer = null;
    if (log && seq !== null) visits.put(slug, { title, log, seq, ...(!away && { at: Date.now() }) });
  }

  function leave(at = Date.now()) {
    if (away) return;
    note();
    away = { seq, at, news: [], isWhole: true };
  }

  function comeBack() {
    if (!away || !isLookedAt()) return;
    back = { ...away, until: Date.now() + GRACE_MS, isCatchingUp: false };
    away = null;
    if (Date.now() - back.at < AWAY_MS) back = null;
    else divideAt(back);
    if (view) see(view);
  }

  /** What came while nobody looked, or brings the connection back. */
  function miss(messages, isWhole) {
    const since = away ?? (back?.isCatchingUp ? back : null);
    if (!since) return;
    const known = new Set(since.news);
    since.news.push(...others(messages, since.seq).filter((news) => !known.has(news)));
    since.isWhole &&= isWhole || messages.some((message) => message.seq <= since.seq);
    if (since === back) divideAt(back);
  }

  // --- the line, and the way there ---

  function divideAt({ seq: after, at, news, isWhole }) {
    const fresh = news.filter((each) => each > after);
    if (after === null || !fresh.length) return;
    const lowest = Math.min(...fresh);
    divide({ after, lowest, first: isWhole ? lowest : null, isDone: false });
    const time = dayOf(at) === dayOf(Date.now()) ? clock(at) : `${dayName(at)}, ${clock(at)}`;
    setText(slot(root, "since-text"), plural(isWhole ? "since" : "since-more", fresh.length, { time }));
  }

  function divide(next) {
    line = next;
    events.publish(DIVIDER_MOVED, { seq: line?.first ?? null });
    show();
  }

  /** Older pages reach back to where the reader left off. */
  function lookForFirst({ messages, more }) {
    if (!line || line.first !== null || isFiltered) return;
    line.lowest = Math.min(line.lowest, ...others(messages, line.after));
    if (!more || messages.some((message) => message.seq <= line.after)) divide({ ...line, first: line.lowest });
  }

  function show() {
    const isSeen = line?.first && view && !isLed && view.oldest <= line.first && line.first <= view.newest;
    if (isSeen) line.isDone = true;
    const isHidden = !line || line.isDone || !view || isFiltered;
    bar.classList.toggle("is-below", !isHidden && view.newest < (line.first ?? line.after + 1));
    if (bar.hidden === isHidden) return;
    bar.hidden = isHidden;
    setText(slot(root, "since-status"), isHidden ? "" : slot(root, "since-text").textContent);
  }

  function jump() {
    events.publish(SHOW_MESSAGE, { seq: line.first ?? line.after + 1 });
    line.isDone = true;
    show();
  }

  function dismiss() {
    if (bar.contains(document.activeElement)) root.previousElementSibling?.focus();
    divide(null);
  }

  return function unmount() {
    clearInterval(ticker);
    clearTimeout(noteTimer);
    ends.forEach((end) => end());
  };
}

/**
 * Tracks how far the room was read. Shows a line above the first new message since the reader left, and a button that goes there.
 *
 * Read means on the screen while the window was visible and had the focus. `kit/visits.js` stores it for all tabs. The reader may mark messages
 * as unread: they stay so until the reader dismisses the line, writes, or leaves and comes back.
 */
import {
  CONNECTION_CHANGED,
  FILTER_CHANGED,
  MENU_CHOSEN,
  ROOMS_CHANGED,
  ROOM_PULSED,
  ROOM_WELCOMED,
  SEND_MESSAGE,
  SESSION_CHANGED,
  SHOW_MESSAGE,
  SHOW_NEWEST,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_MISSED,
  TIMELINE_RESET,
  VIEW_MOVED,
  subscribeAll,
} from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { elapsedSince, moment, now } from "../kit/elapsed.js";
import { least } from "../kit/extremes.js";
import { BAR, takeEscape } from "../kit/key-stack.js";
import { isLookedAt, watchLooks } from "../kit/page-focus.js";
import { openVisits } from "../kit/visits.js";
import { readWords } from "../kit/words.js";
import { dividerMoved, loadingChanged, messageShown } from "./signals.js";
import { countNew, newOf, say } from "./new-messages.js";

const AWAY_MS = 60_000; // A glance at another window isn't leaving.
const GRACE_MS = 15_000; // After the return: time for a lost connection to reconnect and load the missed messages.
const TICK_MS = 5_000; // If AWAY_MS pass between two ticks, the machine was asleep.
const NOTE_MS = 1_000; // Limits the writes to storage during a flood.
const MOST_COUNTED = 10_000; // The limit for a tab in the background for weeks. The bar says no more than 99.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { plural } = readWords(root);
  const bar = slot(root, "since-bar");
  const visits = openVisits();
  const slug = document.body.dataset.room;
  const visit = visits.get(slug); // The previous visit.
  let me = null;
  let log = null;
  let title = slug;
  let seq = null; // Read up to here. 0 in a room that was empty, null if unknown.
  let view = null;
  let away = null; // While the reader is away: {seq, since, fresh, isWhole}. `fresh` has the seqs of others' messages.
  let back = null; // The same, for GRACE_MS after the return.
  let line = null; // {after, first, lowest, isDone}: new messages begin after the seq `after`, with `first` once that is loaded.
  let badge = null; // What the room's badge said before.
  let isFiltered = false;
  let isHeld = false; // The reader has marked messages as unread.
  let isLed = false; // A link leads to a message that isn't loaded yet. Nothing counts as read until then.
  let remembered = null; // What the page still knows from the last visit.
  let noteTimer = null;
  let tick = moment();

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED]: (session) => (me = session.id),
      [ROOMS_CHANGED]: ({ rooms }) => (badge = rooms.find(({ isCurrent }) => isCurrent)?.badge),
      [ROOM_WELCOMED]: welcome,
      [CONNECTION_CHANGED]({ state }) {
        if (back) back.isCatchingUp = state === "joined" && now() < back.until;
      },
      [ROOM_PULSED]: () => back?.isCatchingUp && (back = null),
      [FILTER_CHANGED]({ filter }) {
        isFiltered = filter !== null;
        arrive();
        show();
      },
      [SHOW_MESSAGE]: () => (isLed = !isFiltered), // A filtered view shows only its own messages.
      [SHOW_NEWEST]: arrive,
      [MENU_CHOSEN]: ({ entry, kind, subject }) => kind === "message" && entry === "unread" && markUnread(subject.seq),
      [SEND_MESSAGE]: () => isHeld && dismiss(),
      [TIMELINE_RESET](reset) {
        if (!reset.newer && !isFiltered) miss(reset.messages, !reset.more);
        lookForFirst(reset);
      },
      [TIMELINE_EXTENDED]: lookForFirst,
      [TIMELINE_CHANGED]({ added, changed }) {
        for (const { seq, deleted } of changed) if (deleted) away?.fresh.delete(seq);
        miss(added, true);
      },
      [TIMELINE_MISSED]: ({ added }) => miss(added, true),
      [VIEW_MOVED]: see,
    }),
    messageShown.listen(() => requestAnimationFrame(arrive)), // For a loaded message this may come before `message:show`.
    loadingChanged.listen(({ isLoading }) => isLoading || arrive()),
    visits.watch((changed) => changed === slug && follow(visits.get(slug))),
    listen(slot(root, "since-jump"), "click", jump),
    listen(slot(root, "since-dismiss"), "click", dismiss),
    takeEscape(BAR, () => (!bar.hidden || isHeld) && dismiss()),
    watchLooks((isLooked) => (isLooked ? comeBack() : leave())),
    listen(window, "pagehide", note), // The next page needs it for this room's unread count.
  ];
  const ticker = setInterval(() => {
    if (elapsedSince(tick) >= AWAY_MS && !away) {
      leave(tick);
      comeBack();
    }
    tick = moment();
  }, TICK_MS);

  function welcome({ room, log: history, head, messages, more, reset, isRemembered = false }) {
    title = room.title;
    if (isRemembered) remembered = { messages, more };
    if (isRemembered) return; // The room is about to answer.
    if (log === history) return;
    if (!reset && remembered) [messages, more] = [[...remembered.messages, ...messages], remembered.more];
    const isFirst = log === null;
    log = history;
    const isBack = isFirst && visit?.log === log;
    seq = isBack ? visit.seq : head ? null : 0;
    away = isLookedAt() ? null : { seq, since: moment(), fresh: new Set(), isWhole: true };
    back = null;
    divide(null);
    if (!isBack) return;
    const isWhole = !more || messages.some((message) => message.seq <= seq);
    divideAt({ seq, since: moment(visit.at), fresh: new Set(newOf(messages, seq, me)), isWhole, badge, messages });
  }

  /** Applies the reading position of another tab. */
  function follow(visit) {
    if (visit?.log !== log || visit.seq <= seq) return;
    seq = visit.seq;
    if (away) away.seq = seq;
  }

  // --- reading ---

  function see(moved) {
    view = moved;
    if (isLed) return;
    if (isLookedAt() && log && !isHeld && view.newest > seq) {
      seq = view.newest;
      noteTimer ??= setTimeout(note, NOTE_MS);
    }
    show();
  }

  /** Ends the wait for a link's message, found or not. The view may have moved there already. */
  function arrive() {
    if (!isLed) return;
    isLed = false;
    requestAnimationFrame(() => view && see(view));
  }

  function markUnread(first) {
    isHeld = true;
    seq = first - 1;
    note();
    divide({ after: seq, lowest: first, first, isDone: true });
  }

  function note() {
    clearTimeout(noteTimer);
    noteTimer = null;
    if (log && seq !== null) visits.put(slug, { title, log, seq, ...(!away && { at: Date.now() }) });
  }

  function leave(since = moment()) {
    if (away) return;
    note();
    away = { seq, since, fresh: new Set(), isWhole: true };
  }

  function comeBack() {
    if (!away || !isLookedAt()) return;
    back = { ...away, until: now() + GRACE_MS, isCatchingUp: false };
    away = null;
    if (elapsedSince(back.since) < AWAY_MS) back = null;
    else {
      isHeld = false;
      divideAt(back);
    }
    if (view) see(view);
  }

  /** Records messages that came while the reader was away, or that the reconnect loads. */
  function miss(messages, isWhole) {
    const since = away ?? (back?.isCatchingUp ? back : null);
    if (!since) return;
    for (const seq of newOf(messages, since.seq, me)) if (since.fresh.size < MOST_COUNTED) since.fresh.add(seq);
    since.isWhole &&= isWhole || messages.some((message) => message.seq <= since.seq);
    if (since === back) divideAt(back);
  }

  // --- the line and the jump to it ---

  function divideAt(missed) {
    const { seq: after, isWhole } = missed;
    const fresh = [...missed.fresh].filter((each) => each > after);
    if (after === null || !fresh.length) return;
    const lowest = least(fresh);
    divide({ after, lowest, first: isWhole ? lowest : null, isDone: false });
    setText(slot(root, "since-text"), say(plural, missed.since.at, countNew({ ...missed, fresh, me })));
  }

  function divide(next) {
    line = next;
    dividerMoved.emit({ seq: line?.first ?? null });
    show();
  }

  /** Finds the first new message once older pages reach it. */
  function lookForFirst({ messages, more }) {
    if (!line || line.first !== null || isFiltered) return;
    line.lowest = least(newOf(messages, line.after, me), line.lowest);
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
    isHeld = false;
    divide(null);
    if (view) see(view);
    return true;
  }

  return function unmount() {
    note();
    clearInterval(ticker);
    ends.forEach((end) => end());
  };
}

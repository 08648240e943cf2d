/**
 * The room's messages in order and without holes: turns what arrives into changes of the view, and asks for what is missing.
 *
 * The view shows the newest messages, or an old place with a gap behind it. What is new meanwhile is kept, and told as missed.
 */
import {
  CHANGES_ARRIVED,
  COMMAND_REFUSED,
  CONNECTION_CHANGED,
  LOAD_NEWER,
  LOAD_OLDER,
  MESSAGE_ARRIVED,
  MESSAGE_SHOWN,
  PAGE_ARRIVED,
  ROOM_PULSED,
  ROOM_WELCOMED,
  SEND_COMMAND,
  SHOW_MESSAGE,
  SHOW_NEWEST,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_LOADING,
  TIMELINE_MISSED,
  TIMELINE_REACHED,
  TIMELINE_RESET,
  subscribeAll,
} from "./events.js";
import { RoomLog } from "./lib/log.js";
import { OldPlace } from "./lib/old-place.js";

const PAGE_SIZE = 50;
const ANSWER_MS = 8_000; // An answer that takes longer isn't coming; asking again is harmless.

export function mount({ events }) {
  const log = new RoomLog();
  let place = null; // The OldPlace that is shown in the log's stead.
  let goal = null; // The seq that somebody wants to see, until it is shown.
  let visited = null; // The seq that `place` was opened for.
  let syncTimer = null;
  let pageTimer = null;
  let asked = null; // The page that is on its way: {way: "before", "after" or "around", seq}.

  const end = subscribeAll(events, {
    [ROOM_WELCOMED](welcome) {
      tell(log.welcome(welcome), welcome.messages);
      if (goal !== null) show();
    },
    [MESSAGE_ARRIVED](message) {
      tell(log.message(message), [message]);
    },
    [CHANGES_ARRIVED](changes) {
      stopSync();
      tell(log.changes(changes), changes.messages);
      if (goal !== null && !asked) show();
    },
    [ROOM_PULSED]({ head }) {
      if (head > log.head) sync();
    },
    [LOAD_OLDER]() {
      const { more, oldest } = place ?? log;
      if (more && !pageTimer) ask("before", oldest);
    },
    [LOAD_NEWER]() {
      if (place && !pageTimer) ask("after", place.newest);
    },
    [SHOW_MESSAGE]({ seq }) {
      goal = seq;
      if (log.log) show(); // Else with the welcome.
    },
    [SHOW_NEWEST]() {
      goal = null;
      if (!place) return;
      stopPage();
      place = null;
      reset();
    },
    [PAGE_ARRIVED](page) {
      if (!asked || page.author || page[asked.way] !== asked.seq) return;
      const { way } = asked;
      stopPage();
      if (way === "around") enter(page);
      else if (!place) tell(log.page(page));
      else if (way === "before") extend(place.extendDown(page));
      else extend(place.extendUp(page), page.newer);
    },
    [COMMAND_REFUSED]({ nonce, seq }) {
      if (!nonce && seq === undefined) stopPage();
    },
    [CONNECTION_CHANGED]() {
      stopSync();
      stopPage();
    },
  });

  function tell({ kind, added, changed, messages, more }, arrived = []) {
    if (kind === "hole") return sync();
    if (kind === "reset") {
      stopPage(); // A page that is on its way belongs to what was there before.
      if (place) goal ??= visited; // What changed there was not told: it is asked for again.
      place = null;
      reset();
    } else if (place) {
      const here = place.apply(arrived);
      if (here.length) events.publish(TIMELINE_CHANGED, { added: [], changed: here });
      if (added?.length) events.publish(TIMELINE_MISSED, { added });
    } else if (kind === "changed") {
      events.publish(TIMELINE_CHANGED, { added, changed });
    } else if (kind === "extended") {
      events.publish(TIMELINE_EXTENDED, { messages, more, newer: false });
    }
    events.publish(TIMELINE_REACHED, { log: log.log, version: log.head });
  }

  function reset() {
    const { messages, more } = place ?? log;
    events.publish(TIMELINE_RESET, { messages, more, newer: place !== null });
  }

  // --- an old place ---

  function show() {
    if (!place?.has(goal) && !log.has(goal)) return ask("around", goal);
    if (!place?.has(goal) && place) {
      place = null;
      reset();
    }
    shown();
  }

  function shown() {
    const seq = goal;
    goal = null;
    events.publish(MESSAGE_SHOWN, { seq });
  }

  function enter(page) {
    if (goal === null) return; // Nobody wants to see it any more.
    visited = goal;
    place = new OldPlace(page);
    join(page.newer);
    reset();
    shown();
  }

  function extend(added, newer = true) {
    const rest = join(newer);
    events.publish(TIMELINE_EXTENDED, { messages: [...added, ...rest], more: (place ?? log).more, newer: place !== null });
  }

  /** Ends the gap where there is none any more: the log takes it all. Returns what only the log held. */
  function join(newer) {
    if (newer && place.newest < log.oldest) return [];
    const joined = place;
    const rest = log.messages.filter(({ seq }) => !joined.has(seq));
    if (joined.oldest < log.oldest) log.page(joined);
    place = null;
    return rest;
  }

  // --- asking ---

  function sync() {
    if (syncTimer) return;
    syncTimer = setTimeout(stopSync, ANSWER_MS);
    events.publish(SEND_COMMAND, { command: { type: "sync", since: log.head } });
  }

  function stopSync() {
    clearTimeout(syncTimer);
    syncTimer = null;
  }

  function ask(way, seq) {
    stopPage();
    asked = { way, seq };
    pageTimer = setTimeout(stopPage, ANSWER_MS);
    events.publish(TIMELINE_LOADING, { isLoading: true });
    events.publish(SEND_COMMAND, { command: { type: "history", [way]: seq, limit: PAGE_SIZE } });
  }

  function stopPage() {
    if (!pageTimer) return;
    clearTimeout(pageTimer);
    pageTimer = null;
    asked = null;
    events.publish(TIMELINE_LOADING, { isLoading: false });
  }

  return function unmount() {
    end();
    clearTimeout(syncTimer);
    clearTimeout(pageTimer);
  };
}

/**
 * The room's messages in order and without holes: turns what arrives into changes of the view, and asks for what is missing.
 *
 * The view shows the newest messages, an old place with a gap behind it, or what matches the filter. What is new meanwhile and not in
 * the view is kept, and told as missed.
 */
import {
  CHANGES_ARRIVED,
  COMMAND_REFUSED,
  CONNECTION_CHANGED,
  FILTER_CHANGED,
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
  TIMELINE_TRIMMED,
  VIEW_MOVED,
  subscribeAll,
} from "./events.js";
import { conditionsOf, fragmentOf, matches } from "./lib/filter.js";
import { FilteredPlace } from "./lib/filtered-place.js";
import { RoomLog } from "./lib/log.js";
import { OldPlace } from "./lib/old-place.js";
import { Question } from "./lib/question.js";

const PAGE_SIZE = 50;
const MOST_HELD = 5_000; // About 5 MB. Who follows the newest of a busy room for days has the rest let go of.
const KEPT = 2_000;
const ANSWER_MS = 8_000;

export function mount({ events }) {
  const log = new RoomLog();
  let me = null;
  let filter = null;
  let place = null; // The OldPlace or FilteredPlace that is shown in the log's stead.
  let left = null; // The FilteredPlace that was shown before: {place, fragment}.
  let goal = null; // What somebody wants to see, until it is shown: {seq, distance?}.
  let isAtEnd = true; // The reader follows the newest.
  let read = null; // Else what is read, like `goal`.
  const catchUp = new Question(ANSWER_MS);
  const page = new Question(ANSWER_MS, (isLoading) => events.publish(TIMELINE_LOADING, { isLoading }));

  const end = subscribeAll(events, {
    [ROOM_WELCOMED](welcome) {
      me = welcome.me.id;
      if (welcome.log !== log.log) read = null; // Other messages have these numbers now.
      tell(log.welcome(welcome), welcome.messages);
      if (goal !== null) show();
      fill();
    },
    [FILTER_CHANGED](changed) {
      if (filter === changed.filter) return;
      const back = fragmentOf(changed.filter) === left?.fragment ? left.place : null;
      left = place instanceof FilteredPlace ? { place, fragment: fragmentOf(filter) } : null;
      filter = changed.filter;
      if (log.log) goHome(back); // Else with the welcome.
    },
    [MESSAGE_ARRIVED](message) {
      tell(log.message(message), [message]);
    },
    [CHANGES_ARRIVED](changes) {
      catchUp.end();
      tell(log.changes(changes), changes.messages);
      if (goal !== null && !page.asked) show();
    },
    [ROOM_PULSED]({ head }) {
      if (head > log.head) sync();
    },
    [VIEW_MOVED](view) {
      ({ isAtEnd, read } = view);
    },
    [LOAD_OLDER]() {
      const { more, oldest } = place ?? log;
      if (more && !page.asked) ask("before", oldest);
    },
    [LOAD_NEWER]() {
      if (place instanceof OldPlace && !page.asked) ask("after", place.newest);
    },
    [SHOW_MESSAGE](wish) {
      goal = wish;
      if (log.log) show(); // Else with the welcome.
    },
    [SHOW_NEWEST]() {
      goal = null;
      if (place instanceof OldPlace) goHome();
    },
    [PAGE_ARRIVED](arrived) {
      if (!page.asked || !answers(arrived, page.asked)) return;
      const { way } = page.asked;
      page.end();
      if (way === "around") enter(arrived);
      else if (!place) tell(log.page(arrived));
      else if (place instanceof FilteredPlace) extendFiltered(arrived);
      else if (way === "before") extend(place.extendDown(arrived));
      else extend(place.extendUp(arrived), arrived.newer);
    },
    [COMMAND_REFUSED]({ nonce, seq }) {
      if (!nonce && seq === undefined) page.end();
    },
    [CONNECTION_CHANGED]() {
      catchUp.end();
      page.end();
    },
  });

  function tell({ kind, added, changed, messages, more }, arrived = []) {
    if (kind === "hole") return sync();
    if (kind === "reset") left = null;
    else left?.place.apply(arrived, added ?? []);
    if (kind === "reset") {
      goal ??= read; // What changed there was not told: it is asked for again.
      goHome();
    } else if (place) {
      tellPlace(place.apply(arrived, added ?? []), added ?? []);
    } else if (kind === "changed") {
      events.publish(TIMELINE_CHANGED, { added, changed, removed: [] });
      if (isAtEnd && !page.asked && log.size > MOST_HELD) trim();
    } else if (kind === "extended") {
      events.publish(TIMELINE_EXTENDED, { messages, more, newer: false });
    }
    events.publish(TIMELINE_REACHED, { log: log.log, version: log.head });
  }

  /** Of what has come, the view shows what became of it `here`; the rest is missed. */
  function tellPlace(here, came) {
    const { added, changed, removed, entered } = here;
    const missed = came.filter((message) => !added.includes(message));
    if (entered.length) events.publish(TIMELINE_EXTENDED, { messages: entered, more: place.more, newer: false });
    if (added.length || changed.length || removed.length) events.publish(TIMELINE_CHANGED, { added, changed, removed });
    if (missed.length) events.publish(TIMELINE_MISSED, { added: missed });
  }

  function trim() {
    log.keepNewest(KEPT);
    events.publish(TIMELINE_TRIMMED, { oldest: log.oldest });
  }

  /** To the newest, or to what matches the filter: `back`, if that was loaded before. */
  function goHome(back = null) {
    page.end(); // One that is on its way belongs to what was there before.
    const wanted = filter;
    place = back ?? (wanted && new FilteredPlace(log, (message) => matches(wanted, message, me)));
    reset();
    fill();
  }

  function reset() {
    const { messages, more } = place ?? log;
    events.publish(TIMELINE_RESET, { messages, more, newer: place instanceof OldPlace });
  }

  // --- what matches the filter ---

  /** What the log holds may have little that matches. */
  function fill() {
    if (place instanceof FilteredPlace && place.more && place.size < PAGE_SIZE && !page.asked) ask("before", place.oldest);
  }

  function extendFiltered(arrived) {
    const messages = place.extendDown(arrived);
    events.publish(TIMELINE_EXTENDED, { messages, more: place.more, newer: false });
    fill();
  }

  // --- an old place ---

  function show() {
    const { seq } = goal;
    if (filter && !place.has(seq)) goal = null; // The way back into a filter that isn't loaded so far any more.
    else if (!place?.has(seq) && !log.has(seq)) ask("around", seq);
    else reveal();
  }

  function reveal() {
    if (!place?.has(goal.seq) && place) {
      place = null;
      reset();
    }
    shown();
  }

  function shown() {
    const wish = goal;
    goal = null;
    events.publish(MESSAGE_SHOWN, wish);
  }

  function enter(arrived) {
    if (goal === null) return; // Nobody wants to see it any more.
    place = new OldPlace(arrived);
    join(arrived.newer);
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
    if (catchUp.asked) return;
    catchUp.ask({ since: log.head });
    events.publish(SEND_COMMAND, { command: { type: "sync", since: log.head } });
  }

  function ask(way, seq) {
    // Around a message is the room; what is older than what matches a filter matches it as well.
    const conditions = way === "before" && place instanceof FilteredPlace ? conditionsOf(filter, me) : {};
    page.ask({ way, seq, conditions });
    events.publish(SEND_COMMAND, { command: { type: "history", [way]: seq, limit: PAGE_SIZE, ...conditions } });
  }

  return function unmount() {
    end();
    catchUp.end();
    page.end();
  };
}

/** Whether a page is what was asked here, and not what another module asked. */
function answers(page, { way, seq, conditions }) {
  const isSame = (name) => String(page[name] ?? "") === String(conditions[name] ?? "");
  return page[way] === seq && ["author", "authors", "mentions", "links"].every(isSame);
}

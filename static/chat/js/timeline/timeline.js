/**
 * The room's messages in order and without gaps: turns events into changes of the view, and requests missing messages.
 *
 * The view shows the newest messages, an old place with a gap behind it, or the messages that match the filter. New messages outside
 * the view are kept and published as missed.
 */
import {
  CHANGES_ARRIVED,
  FILTER_CHANGED,
  MESSAGE_ARRIVED,
  REACTION_ARRIVED,
  ROOM_PULSED,
  ROOM_WELCOMED,
  SESSION_CHANGED,
  SHOW_MESSAGE,
  SHOW_NEWEST,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_MISSED,
  TIMELINE_REACHED,
  TIMELINE_RESET,
  TIMELINE_TRIMMED,
  VIEW_MOVED,
  request,
  subscribeAll,
} from "../app/events.js";
import { conditionsOf, fragmentOf, matches } from "../kit/filter.js";
import { FilteredPlace } from "./filtered-place.js";
import { isTooMuch, letGo } from "./trimming.js";
import { RoomLog } from "./log.js";
import { OldPlace } from "./old-place.js";
import { Reacted } from "./reacted.js";
import { loadNewer, loadOlder, loadingChanged, messageShown } from "./signals.js";

const PAGE_SIZE = 50;

/** @param {Mounting} at */
export function mount({ events }) {
  const log = new RoomLog();
  let me = null;
  let filter = null;
  let place = null; // The OldPlace or FilteredPlace that is shown instead of the log.
  let left = null; // The previous FilteredPlace: {place, fragment}.
  let goal = null; // The message to show, until it is shown: {seq, distance?}.
  let isAtEnd = true; // The reader follows the newest.
  let read = null; // Otherwise the message being read, like `goal`.
  let firstSeen = 0; // The seq of the first message on the screen.
  const reacted = new Reacted((message) => events.publish(MESSAGE_ARRIVED, message));
  let endCatchUp = null; // Cancels the pending `sync`.
  let endPage = null; // Cancels the pending page.

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED]: (session) => (me = session.id),
      [ROOM_WELCOMED](welcome) {
        if (welcome.log !== log.log) read = null; // Other messages have these seqs now.
        publish(log.welcome(welcome), welcome.messages);
        if (goal !== null) show();
        fill();
      },
      [FILTER_CHANGED](changed) {
        if (filter === changed.filter) return;
        const back = fragmentOf(changed.filter) === left?.fragment ? left.place : null;
        left = place instanceof FilteredPlace ? { place, fragment: fragmentOf(filter) } : null;
        filter = changed.filter;
        if (log.log) goHome(back); // Otherwise the welcome does it.
      },
      [MESSAGE_ARRIVED]: (message) => publish(log.message(message), [message]),
      [REACTION_ARRIVED](reaction) {
        publish(log.pass(reaction));
        const lacking = reacted.take(reaction, [log, place, left?.place]);
        if (lacking !== null) sync(lacking);
      },
      [CHANGES_ARRIVED](changes) {
        stopCatchUp();
        publish(log.changes(changes), changes.messages);
        if (goal !== null && !endPage) show();
      },
      [ROOM_PULSED]: ({ head }) => head > log.head && sync(),
      [VIEW_MOVED]: (view) => ({ isAtEnd, read, oldest: firstSeen } = view),
      [SHOW_MESSAGE](wish) {
        goal = wish;
        if (log.log) show(); // Otherwise the welcome does it.
      },
      [SHOW_NEWEST]() {
        if (goal !== null) stopPage();
        goal = null;
        if (place?.newer) goHome();
      },
    }),
    loadOlder.listen(() => {
      const { more, oldest } = place ?? log;
      if (more && !endPage) ask("before", oldest);
    }),
    loadNewer.listen(() => {
      if (place?.newer && !endPage) ask("after", place.newest);
    }),
  ];

  function publish(/** @type {any} */ { kind, added, changed, messages, more }, arrived = []) {
    if (kind === "hole") return sync();
    if (kind === "reset") left = null;
    else left?.place.apply(arrived, added ?? []);
    if (kind === "reset") {
      goal ??= read; // Its changes weren't sent, so it is requested again.
      goHome();
    } else if (place) {
      publishPlace(place.apply(arrived, added ?? []), added ?? []);
    } else if (kind === "changed") {
      events.publish(TIMELINE_CHANGED, { added, changed, removed: [] });
    } else if (kind === "extended") {
      events.publish(TIMELINE_EXTENDED, { messages, more, newer: false });
    }
    events.publish(TIMELINE_REACHED, { log: log.log, version: log.head, ...log.newest, ...(log.changed && { changed: log.changed }) });
    bound();
  }

  /** Publishes the effect `here` on the view. The rest of the messages that `came` is missed. */
  function publishPlace(here, came) {
    const { added, changed, removed, entered } = here;
    const missed = came.filter((message) => !added.includes(message));
    if (entered.length) events.publish(TIMELINE_EXTENDED, { messages: entered, more: place.more, newer: place.newer });
    if (added.length || changed.length || removed.length) events.publish(TIMELINE_CHANGED, { added, changed, removed });
    if (missed.length) events.publish(TIMELINE_MISSED, { added: missed });
  }

  function bound() {
    if (left && isTooMuch(left.place)) left = null;
    if (endPage || goal !== null) return;
    const kept = letGo(log, place, { isAtEnd, firstSeen });
    place = kept.place;
    if (!kept.isTrimmed) return;
    const { oldest, newest, more, newer = false } = place ?? log;
    events.publish(TIMELINE_TRIMMED, { oldest: more ? oldest : 0, newest: newer ? newest : Infinity, more, newer });
  }

  /** Goes to the newest messages, or to the filter's: `back`, if they were loaded before. */
  function goHome(back = null) {
    stopPage(); // A pending page belongs to the former place.
    const wanted = filter;
    place = back ?? (wanted && new FilteredPlace(log, (message) => matches(wanted, message, me)));
    reset();
    fill();
  }

  function reset() {
    const { messages, more } = place ?? log;
    events.publish(TIMELINE_RESET, { messages, more, newer: Boolean(place?.newer) });
  }

  // --- the filtered place ---

  /** Requests more matches if the loaded messages have few. */
  function fill() {
    if (place instanceof FilteredPlace && place.more && place.size < PAGE_SIZE && !endPage) ask("before", place.oldest);
  }

  function extendFiltered(way, arrived) {
    const messages = way === "before" ? place.extendDown(arrived) : place.extendUp(arrived);
    events.publish(TIMELINE_EXTENDED, { messages, more: place.more, newer: place.newer });
    fill();
  }

  // --- an old place ---

  function show() {
    const { seq } = goal;
    if (filter && !place.has(seq)) goal = null; // The filter's messages aren't loaded that far any more.
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
    messageShown.emit(wish);
  }

  function enter(arrived) {
    if (goal === null) return; // It isn't wanted any more.
    place = new OldPlace(arrived);
    join(arrived.newer);
    reset();
    shown();
  }

  function extend(added, newer = true) {
    const rest = join(newer);
    events.publish(TIMELINE_EXTENDED, { messages: [...added, ...rest], more: (place ?? log).more, newer: place !== null });
  }

  /** Returns to the log if the gap is closed. Returns the messages that only the log had. */
  function join(newer) {
    const rest = place.join(log, newer);
    if (rest) place = null;
    return rest ?? [];
  }

  // --- requests ---

  function sync(since = log.head) {
    endCatchUp ??= request(events, { type: "sync", since }, stopCatchUp);
  }

  function stopCatchUp() {
    endCatchUp?.();
    endCatchUp = null;
  }

  function ask(way, seq) {
    // Pages around a message have no filter. Pages beside filtered messages have the same filter.
    const conditions = way !== "around" && place instanceof FilteredPlace ? conditionsOf(filter, me) : {};
    stopPage();
    const command = /** @type {const} */ ({ type: "history", [way]: seq, limit: PAGE_SIZE, ...conditions });
    endPage = request(events, command, (answer) => take(way, answer), { offline: "later" });
    loadingChanged.emit({ isLoading: true });
  }

  function take(way, arrived) {
    stopPage();
    if (arrived.type !== "page") {
      if (way === "around" && arrived.code !== "late") goal = null; // Otherwise the next welcome would go there.
    } else if (way === "around") enter(arrived);
    else if (!place) publish(log.page(arrived));
    else if (place instanceof FilteredPlace) extendFiltered(way, arrived);
    else if (way === "before") extend(place.extendDown(arrived));
    else extend(place.extendUp(arrived), arrived.newer);
    bound();
  }

  function stopPage() {
    if (!endPage) return;
    endPage();
    endPage = null;
    loadingChanged.emit({ isLoading: false });
  }

  return () => [...ends, stopCatchUp, stopPage].forEach((end) => end());
}

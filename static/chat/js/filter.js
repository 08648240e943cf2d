/**
 * What shows: the router. The URL's fragment is the state, so Back, Forward, a reload and a pasted link work.
 *
 * Back and Forward, and the way out of a filter, also lead to where one was reading.
 */
import { APP_LAUNCHED, FILTER_CHANGED, ROOM_WELCOMED, SHOW_MESSAGE, SHOW_NEWEST, TOGGLE_FILTER, VIEW_MOVED, subscribeAll } from "./events.js";
import { listen } from "./lib/dom.js";
import { isFreeEscape } from "./lib/escape.js";
import { fragmentOf, readFilter, toggle } from "./lib/filter.js";
import { makeUuid } from "./lib/uuid.js";

export function mount({ events }) {
  let seq = null;
  let filter = null;
  let read = null; // What is read now, {seq, distance}; null at the newest.
  let entry = null; // The id of the browser's history entry that shows.
  let log = null; // The room's history that all of them are of.
  let home = null; // What was read when everything showed.
  const places = new Map(); // What was read in each entry, by its id.

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: tell,
      [ROOM_WELCOMED](welcome) {
        if (log !== null && welcome.log !== log) forget();
        log = welcome.log;
      },
      [VIEW_MOVED]: (view) => (read = view.read),
      [SHOW_NEWEST]() {
        // The link has led there; a reload shall not lead back.
        if (seqIn(location.hash) !== null) history.replaceState(history.state, "", location.pathname + location.search);
        seq = null;
      },
      [TOGGLE_FILTER]: (part) => go(toggle(filter, part)),
    }),
    listen(window, "hashchange", tell),
    listen(document, "click", follow),
    listen(document, "keydown", leave),
  ];

  function tell() {
    const was = { seq, filter };
    const reached = turn();
    seq = seqIn(location.hash);
    filter = readFilter(location.hash);
    if (!was.filter && filter) home = reached.left;
    const place = reached.place ?? (was.filter && !filter && seq === null ? home : null);
    if (was.seq !== null && seq === null && !place) events.publish(SHOW_NEWEST);
    if (was.seq === null || seq === null) events.publish(FILTER_CHANGED, { filter });
    if (place ?? seq) events.publish(SHOW_MESSAGE, place ?? { seq });
  }

  /** From one entry of the browser's history to the one that shows now: what was read in the one, and in the other before. */
  function turn() {
    const left = read;
    if (entry) places.set(entry, left);
    entry = history.state?.entry ?? makeUuid();
    history.replaceState({ entry }, "");
    read = null;
    return { left, place: places.get(entry) ?? null };
  }

  /** Other messages have these numbers now. */
  function forget() {
    places.clear();
    read = home = null;
  }

  function go(next) {
    location.hash = fragmentOf(next);
  }

  function follow(event) {
    const link = event.target.closest?.("a[href^='#']");
    if (!link) return;
    // No change of the URL, but a wish.
    if (seq !== null && link.hash === location.hash) events.publish(SHOW_MESSAGE, { seq });
    const part = readFilter(link.hash);
    if (!part || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault(); // No new tab: as in a list of files, one more is chosen.
    go(toggle(filter, part));
  }

  /** Escape leads back to everything, when nothing else takes it. */
  function leave(event) {
    if (filter && isFreeEscape(event)) go(null);
  }

  return () => ends.forEach((end) => end());
}

/** `#message/<seq>` names a message; whatever else is null. */
function seqIn(hash) {
  const seq = Number(/^#message\/(\d{1,16})$/.exec(hash)?.[1]);
  return seq >= 1 && Number.isSafeInteger(seq) ? seq : null;
}

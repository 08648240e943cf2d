/**
 * The router: the URL's fragment selects the visible messages. So Back, Forward, a reload and a shared link work.
 *
 * Back, Forward and closing a filter also return to the reading place.
 */
import { APP_LAUNCHED, FILTER_CHANGED, ROOM_WELCOMED, SHOW_MESSAGE, SHOW_NEWEST, TOGGLE_FILTER, VIEW_MOVED, subscribeAll } from "../app/events.js";
import { listen } from "../kit/dom.js";
import { fragmentOf, readFilter, toggle } from "../kit/filter.js";
import { FILTER, takeEscape } from "../kit/key-stack.js";
import { makeUuid } from "../kit/uuid.js";

/** @param {Mounting} at */
export function mount({ events }) {
  let seq = null;
  let filter = null;
  let read = null; // The current reading position {seq, distance}. Null at the newest message.
  let entry = null; // The id of the browser's current history entry.
  let log = null; // The id of the room's history, to which all positions belong.
  let home = null; // The reading position without a filter.
  const places = new Map(); // The reading position in each history entry, by its id.

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: publish,
      [ROOM_WELCOMED](welcome) {
        if (log !== null && welcome.log !== log) forget();
        log = welcome.log;
      },
      [VIEW_MOVED]: (view) => (read = view.read),
      [SHOW_NEWEST]() {
        // The link was followed. A reload must not follow it again.
        if (seqIn(location.hash) !== null) history.replaceState(history.state, "", location.pathname + location.search);
        seq = null;
      },
      [TOGGLE_FILTER]: (part) => go(toggle(filter, part)),
    }),
    listen(window, "hashchange", publish),
    listen(document, "click", follow),
    takeEscape(FILTER, leave),
  ];

  function publish() {
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

  /** Stores the reading position of the history entry that was left. Returns it, and the position of the current entry. */
  function turn() {
    const left = read;
    if (entry) places.set(entry, left);
    entry = history.state?.entry ?? makeUuid();
    history.replaceState({ entry }, "");
    read = null;
    return { left, place: places.get(entry) ?? null };
  }

  /** Drops all reading positions, because other messages have these seqs now. */
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
    // The URL doesn't change, but the message is requested again.
    if (seq !== null && link.hash === location.hash) events.publish(SHOW_MESSAGE, { seq });
    const part = readFilter(link.hash);
    if (!part || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault(); // Adds to the filter, like a selection in a list of files, instead of opening a tab.
    go(toggle(filter, part));
  }

  /** Escape removes the filter if nothing else handles the key. */
  function leave() {
    if (filter) go(null);
    return filter !== null;
  }

  return () => ends.forEach((end) => end());
}

/** The seq in `#message/<seq>`. Null for any other fragment. */
function seqIn(hash) {
  const seq = Number(/^#message\/(\d{1,16})$/.exec(hash)?.[1]);
  return seq >= 1 && Number.isSafeInteger(seq) ? seq : null;
}

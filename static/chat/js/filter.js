/** What shows: the router. The URL's fragment is the state, so Back, Forward, a reload and a pasted link work. */
import { APP_LAUNCHED, FILTER_CHANGED, SHOW_MESSAGE, SHOW_NEWEST, TOGGLE_FILTER, subscribeAll } from "./events.js";
import { listen } from "./lib/dom.js";
import { isFreeEscape } from "./lib/escape.js";
import { fragmentOf, readFilter, toggle } from "./lib/filter.js";

export function mount({ events }) {
  let seq = null;
  let filter = null;

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: tell,
      [SHOW_NEWEST]() {
        // The link has led there; a reload shall not lead back.
        if (seqIn(location.hash) !== null) history.replaceState(null, "", location.pathname + location.search);
        seq = null;
      },
      [TOGGLE_FILTER]: (part) => go(toggle(filter, part)),
    }),
    listen(window, "hashchange", tell),
    listen(document, "click", follow),
    listen(document, "keydown", leave),
  ];

  function tell() {
    const wasAt = seq;
    seq = seqIn(location.hash);
    if (seq === null && wasAt !== null) events.publish(SHOW_NEWEST);
    if (seq === null || wasAt === null) {
      filter = readFilter(location.hash);
      events.publish(FILTER_CHANGED, { filter });
    }
    if (seq !== null) events.publish(SHOW_MESSAGE, { seq });
  }

  function go(next) {
    location.hash = fragmentOf(next);
  }

  function follow(event) {
    const link = event.target.closest?.("a[href^='#']");
    if (!link) return;
    if (seq !== null && link.hash === location.hash) tell(); // No change of the URL, but a wish.
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

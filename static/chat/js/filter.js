/** What shows: the router. The URL's fragment is the state, so Back, Forward and a pasted link work. */
import { APP_LAUNCHED, FILTER_CHANGED, SHOW_MESSAGE, SHOW_NEWEST, subscribeAll } from "./events.js";
import { listen } from "./lib/dom.js";

export function mount({ events }) {
  let seq = null;

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: tell,
      [SHOW_NEWEST]() {
        // The link has led there; a reload shall not lead back.
        if (seqIn(location.hash) !== null) history.replaceState(null, "", location.pathname + location.search);
        seq = null;
      },
    }),
    listen(window, "hashchange", tell),
    listen(document, "click", ({ target }) => {
      const link = target.closest?.('a[href^="#message/"]');
      if (link?.hash === location.hash) tell(); // No change of the URL, but a wish.
    }),
  ];

  function tell() {
    const wasAt = seq;
    seq = seqIn(location.hash);
    if (seq === null && wasAt !== null) events.publish(SHOW_NEWEST);
    if (seq === null || wasAt === null) events.publish(FILTER_CHANGED, { author: authorIn(location.hash) });
    if (seq !== null) events.publish(SHOW_MESSAGE, { seq });
  }

  return () => ends.forEach((end) => end());
}

/** `#users/<id>` names a member; `#users`, and whatever else, means everybody: null. */
function authorIn(hash) {
  const [, id] = /^#users\/(.+)$/.exec(hash) ?? [];
  try {
    return id ? decodeURIComponent(id) : null;
  } catch {
    return null; // Not what any of our links would say.
  }
}

/** `#message/<seq>` names a message; whatever else is null. */
function seqIn(hash) {
  const seq = Number(/^#message\/(\d{1,16})$/.exec(hash)?.[1]);
  return seq >= 1 && Number.isSafeInteger(seq) ? seq : null;
}

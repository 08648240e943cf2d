/** Whose messages show: the router. The URL's fragment is the state, so Back, Forward and a pasted link work. */
import { APP_LAUNCHED, FILTER_CHANGED, subscribeAll } from "./events.js";
import { listen } from "./lib/dom.js";

export function mount({ events }) {
  const tell = () => events.publish(FILTER_CHANGED, { author: authorIn(location.hash) });
  const ends = [subscribeAll(events, { [APP_LAUNCHED]: tell }), listen(window, "hashchange", tell)];
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

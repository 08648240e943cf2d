/** Notes how far this room was read, for the other tabs and the next visit: what came is read while somebody looks. */
import { TIMELINE_REACHED, subscribeAll } from "./events.js";
import { listen } from "./lib/dom.js";
import { isLookedAt, watchLooks } from "./lib/looks.js";
import { openVisits } from "./lib/visits.js";

const NOTE_MS = 500; // One note for all that comes at once.

export function mount({ events, root }) {
  const { room } = root.dataset;
  const visits = openVisits();
  let reached = null; // {log, version}
  let timer = null;

  const ends = [
    subscribeAll(events, {
      [TIMELINE_REACHED](place) {
        reached = place;
        look();
      },
    }),
    watchLooks(look),
    listen(window, "pagehide", () => timer && note()), // The next page asks what is unread in this room.
  ];

  function look() {
    if (reached && isLookedAt()) timer ??= setTimeout(note, NOTE_MS);
  }

  function note() {
    clearTimeout(timer);
    timer = null;
    const { log, version } = reached;
    const visit = visits.get(room);
    if (visit?.log === log && visit.seq < version) visits.put(room, { seq: version });
  }

  return function unmount() {
    ends.forEach((end) => end());
    clearTimeout(timer);
  };
}

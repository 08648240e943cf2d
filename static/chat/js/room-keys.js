/** Alt with an up or down arrow goes to the room before or after this one in the list; with Shift to one with something unread. */
import { ROOMS_CHANGED, subscribeAll } from "./events.js";
import { listen } from "./lib/dom.js";
import { roomURL } from "./lib/rooms.js";

const STEPS = { ArrowUp: -1, ArrowDown: 1 };

export function mount({ events }) {
  let rooms = [];

  const ends = [
    subscribeAll(events, { [ROOMS_CHANGED]: (changed) => (rooms = changed.rooms) }),
    listen(document, "keydown", (event) => {
      const step = STEPS[event.key];
      if (!step || !event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
      if (event.target.closest("select, .modal, [role=menu]")) return; // There the keys have a meaning of their own.
      event.preventDefault();
      const room = neighbour(step, event.shiftKey ? ({ unread }) => unread > 0 : () => true);
      if (room && !room.isCurrent) location.assign(roomURL(room.slug));
    }),
  ];

  /** Round the list, from here on. */
  function neighbour(step, isWanted) {
    const count = rooms.length;
    const at = rooms.findIndex(({ isCurrent }) => isCurrent);
    for (let away = 1; away < count; away += 1) {
      const room = rooms[(at + step * away + count * away) % count];
      if (isWanted(room)) return room;
    }
    return null;
  }

  return () => ends.forEach((end) => end());
}

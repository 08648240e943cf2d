/**
 * Alt with an up or down arrow goes to the previous or next room in the list, with Shift to one with unread messages.
 *
 * In a text field the keys belong to the field: on a Mac they move the caret by paragraphs, in a date field they open the calendar. An empty message
 * field doesn't need them.
 */
import { GO_TO_ROOM, ROOMS_CHANGED, subscribeAll } from "../app/events.js";
import { listen } from "../kit/dom.js";
import { hasAltGr, takesText } from "../kit/keys.js";

const STEPS = { ArrowUp: -1, ArrowDown: 1 };

/** @param {Mounting} at */
export function mount({ events }) {
  let rooms = [];

  const ends = [
    subscribeAll(events, { [ROOMS_CHANGED]: (changed) => (rooms = changed.rooms) }),
    listen(document, "keydown", (event) => {
      const step = STEPS[event.key];
      if (!step || !event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
      if (hasAltGr(event) || event.target.closest("dialog, [role=menu]") || isInUse(event.target)) return;
      event.preventDefault();
      const room = neighbour(step, event.shiftKey ? ({ unread }) => unread > 0 : () => true);
      if (room && !room.isCurrent) events.publish(GO_TO_ROOM, { slug: room.slug });
    }),
  ];

  function isInUse(target) {
    return takesText(target) && !(target.tagName === "TEXTAREA" && target.value === "");
  }

  /** The next wanted room in the list, before or after the current one (`step`), wrapping around. Null if there is none. */
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

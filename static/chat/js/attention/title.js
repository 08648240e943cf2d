/** The tab's title: the room, and how many messages came unseen, or after an @ how many mention the reader. */
import { ROOMS_CHANGED, ROOM_CHANGED, ROOM_WELCOMED, subscribeAll } from "../app/events.js";
import { figureOf } from "../kit/counts.js";
import { attentionChanged } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  let base = "";
  let mark = "";

  const ends = [
    subscribeAll(events, {
      // Known from the last visit, before the room has answered.
      [ROOMS_CHANGED]: ({ rooms }) => rooms.filter(({ isCurrent }) => isCurrent).forEach(name),
      [ROOM_WELCOMED]: ({ room }) => name(room),
      [ROOM_CHANGED]: ({ room }) => name(room),
    }),
    attentionChanged.listen(({ unread, mentions }) => {
      mark = mentions ? `(${figureOf(mentions, "@")}) ` : unread ? `(${figureOf(unread)}) ` : "";
      show();
    }),
  ];

  name({ title: root.dataset.room });

  function name(room) {
    base = `${room.title} · ${root.dataset.site}`;
    show();
  }

  function show() {
    document.title = mark + base;
  }

  return () => ends.forEach((end) => end());
}

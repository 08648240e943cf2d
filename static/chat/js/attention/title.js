/** The tab's title: the room, and the number of unseen messages, or with an @ the number of mentions. */
import { ROOM_CHANGED, ROOM_WELCOMED, subscribeAll } from "../app/events.js";
import { formatNumber } from "../kit/words.js";
import { attentionChanged } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const plain = document.title;
  let base = plain;
  let mark = "";

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED]: ({ room }) => name(room),
      [ROOM_CHANGED]: ({ room }) => name(room),
    }),
    attentionChanged.listen(({ unread, mentions }) => {
      mark = mentions ? `(${formatNumber(mentions)} @) ` : unread ? `(${formatNumber(unread)}) ` : "";
      show();
    }),
  ];

  function name(room) {
    base = `${room.title} · ${root.dataset.site}`;
    show();
  }

  function show() {
    document.title = mark + base;
  }

  return function unmount() {
    ends.forEach((end) => end());
    document.title = plain;
  };
}

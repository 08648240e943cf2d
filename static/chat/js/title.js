/** The tab's title: the room, and how many messages came while nobody looked, or with an @ how many of them call the reader. */
import { ATTENTION_CHANGED, ROOM_CHANGED, ROOM_WELCOMED, subscribeAll } from "./events.js";
import { formatNumber } from "./lib/words.js";

export function mount({ events, root }) {
  const plain = document.title;
  let base = plain;
  let mark = "";

  const end = subscribeAll(events, {
    [ROOM_WELCOMED]: ({ room }) => name(room),
    [ROOM_CHANGED]: ({ room }) => name(room),
    [ATTENTION_CHANGED]({ unread, calls }) {
      mark = calls ? `(${formatNumber(calls)} @) ` : unread ? `(${formatNumber(unread)}) ` : "";
      show();
    },
  });

  function name(room) {
    base = `${room.title} · ${root.dataset.site}`;
    show();
  }

  function show() {
    document.title = mark + base;
  }

  return function unmount() {
    end();
    document.title = plain;
  };
}

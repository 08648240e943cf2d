/** The topic in the head of the room, on one line: opens the whole of it. Where there is none, it offers to write one, to those who may. */
import { DESCRIBE_ROOM, OPEN_ABOUT, ROOM_CHANGED, ROOM_WELCOMED, subscribeAll } from "./events.js";
import { listen, setText, slot } from "./lib/dom.js";
import { readWords } from "./lib/words.js";

export function mount({ events, root }) {
  const { word } = readWords(root);
  let mayDescribe = false;
  let topic = "";

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED](welcome) {
        mayDescribe = Boolean(welcome.may_describe);
        show(welcome.room);
      },
      [ROOM_CHANGED]: ({ room }) => show(room),
    }),
    listen(root, "click", () => {
      if (topic) events.publish(OPEN_ABOUT);
      else events.publish(DESCRIBE_ROOM);
    }),
  ];

  function show(room) {
    topic = room.topic ?? "";
    root.hidden = !topic && !mayDescribe;
    root.title = topic;
    setText(slot(root, "text"), topic || word("add"));
  }

  return () => ends.forEach((end) => end());
}

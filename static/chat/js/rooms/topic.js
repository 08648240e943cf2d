/** The topic in the room's header, in one line. A click shows all of it. Without a topic, people who may edit it can add one. */
import { ROOM_CHANGED, ROOM_WELCOMED, SESSION_CHANGED, subscribeAll } from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { readWords } from "../kit/words.js";
import { describe, openAbout } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word } = readWords(root);
  let mayDescribe = false;
  let topic = "";

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED]: (session) => (mayDescribe = session.mayDescribe),
      [ROOM_WELCOMED]: ({ room }) => show(room),
      [ROOM_CHANGED]: ({ room }) => show(room),
    }),
    listen(root, "click", () => {
      if (topic) openAbout.emit();
      else describe.emit();
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

/** What to do in a room without messages: invite people, add a topic. The message list shows and hides it. */
import { MENU_CHOSEN, ROOM_CHANGED, ROOM_WELCOMED, SESSION_CHANGED, subscribeAll } from "../app/events.js";
import { listen, slot } from "../kit/dom.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const topic = slot(root, "topic");
  let room = {};
  let mayDescribe = false;

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED](session) {
        mayDescribe = session.mayDescribe;
        show();
      },
      [ROOM_WELCOMED](welcome) {
        room = welcome.room;
        show();
      },
      [ROOM_CHANGED](changed) {
        room = changed.room;
        show();
      },
    }),
    listen(slot(root, "copy"), "click", ({ currentTarget }) => choose("copy-link", currentTarget)),
    listen(topic, "click", () => choose("describe", topic)),
  ];

  /** The same as the entry of the room's menu. */
  function choose(entry, anchor) {
    events.publish(MENU_CHOSEN, { entry, value: null, kind: "room", subject: room, anchor });
  }

  function show() {
    topic.hidden = Boolean(room.topic) || !mayDescribe;
  }

  return () => ends.forEach((end) => end());
}

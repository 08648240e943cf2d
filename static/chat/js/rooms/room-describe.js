/** The dialog that edits the room's name and topic, for its creator and moderators. The server checks the rights. */
import { MENU_CHOSEN, ROOM_CHANGED, ROOM_WELCOMED, request, subscribeAll } from "../app/events.js";
import { cleanLine } from "../kit/clean.js";
import { makeDialog } from "../kit/dialog.js";
import { listen, setText, slot } from "../kit/dom.js";
import { readWords } from "../kit/words.js";
import { describe } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, has } = readWords(root);
  const form = root.querySelector("form");
  const { title, topic } = form.elements;
  const dialog = makeDialog(root, { first: title });
  let room = {};
  let callOff = null; // Cancels the pending request.

  const ends = [
    subscribeAll(events, {
      [MENU_CHOSEN]: ({ entry }) => entry === "describe" && open(),
      [ROOM_WELCOMED]: (welcome) => (room = welcome.room),
      [ROOM_CHANGED]: (changed) => (room = changed.room),
    }),
    describe.listen(open),
    listen(form, "submit", (event) => {
      event.preventDefault();
      if (callOff) return;
      if (!cleanLine(title.value)) return say("refused-title_invalid");
      const wanted = { title: cleanLine(title.value), topic: cleanLine(topic.value) };
      callOff = request(events, { type: "describe", ...wanted }, take, { offline: "later", progress });
    }),
    listen(root, "close", end),
  ];

  function open() {
    say(null);
    title.value = room.title ?? "";
    topic.value = room.topic ?? "";
    dialog.show();
  }

  function progress(isSent) {
    say(isSent ? "sent" : "offline");
  }

  function take(answer) {
    end();
    if (answer.type !== "refused") dialog.hide();
    else say(has(`refused-${answer.code}`) ? `refused-${answer.code}` : "refused");
  }

  function end() {
    callOff?.();
    callOff = null;
  }

  function say(key) {
    setText(slot(root, "status"), key ? word(key) : "");
  }

  return function unmount() {
    ends.forEach((stop) => stop());
    end();
    dialog.end();
  };
}

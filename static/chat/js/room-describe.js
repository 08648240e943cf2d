/** Gives this room another name and topic, for those who may: whoever made it, and moderators. The server decides. */
import { CONNECTION_CHANGED, COMMAND_REFUSED, DESCRIBE_ROOM, MENU_CHOSEN, ROOM_CHANGED, ROOM_WELCOMED, SEND_COMMAND, subscribeAll } from "./events.js";
import { makeDialog } from "./lib/dialog.js";
import { listen, setText, slot } from "./lib/dom.js";
import { readWords } from "./lib/words.js";

export function mount({ events, root }) {
  const { word, has } = readWords(root);
  const form = root.querySelector("form");
  const { title, topic } = form.elements;
  const dialog = makeDialog(root, title);
  let room = {};
  let isJoined = false;
  let asked = null; // The command that isn't answered yet. It may be sent again.

  const ends = [
    subscribeAll(events, {
      [DESCRIBE_ROOM]: open,
      [MENU_CHOSEN]: ({ entry }) => entry === "describe" && open(),
      [ROOM_WELCOMED](welcome) {
        isJoined = true;
        room = welcome.room;
        if (asked) send();
      },
      [CONNECTION_CHANGED]({ state }) {
        if (state !== "joined") isJoined = false;
      },
      [ROOM_CHANGED](changed) {
        room = changed.room;
        if (asked) dialog.hide();
      },
      [COMMAND_REFUSED]({ code, nonce, seq }) {
        if (!asked || nonce || seq !== undefined) return;
        asked = null;
        say(has(`refused-${code}`) ? `refused-${code}` : "refused");
      },
    }),
    listen(form, "submit", (event) => {
      event.preventDefault();
      if (asked) return;
      if (!title.value.trim()) return say("refused-title_invalid");
      asked = { type: "describe", title: title.value.trim(), topic: topic.value.trim() };
      if (isJoined) send();
      else say("offline");
    }),
    listen(root, "hidden.bs.modal", () => (asked = null)),
  ];

  function open() {
    say(null);
    title.value = room.title ?? "";
    topic.value = room.topic ?? "";
    dialog.show();
  }

  function send() {
    say("sent");
    events.publish(SEND_COMMAND, { command: asked });
  }

  function say(key) {
    setText(slot(root, "status"), key ? word(key) : "");
  }

  return function unmount() {
    ends.forEach((end) => end());
    dialog.end();
  };
}

/** Shows alerts as notifications of the system: one for each room, the newest. A click on it leads to the message. */
import {
  ALERTS_BLOCKED,
  ALERT_DUE,
  ATTENTION_CHANGED,
  ROOM_CHANGED,
  ROOM_WELCOMED,
  SHOW_MESSAGE,
  TIMELINE_CHANGED,
  subscribeAll,
} from "./events.js";
import { actionOf } from "./lib/commands.js";
import { excerptOf } from "./lib/excerpt.js";
import { readWords } from "./lib/words.js";

const BODY_CHARACTERS = 140; // About what systems show.

export function mount({ events, root }) {
  const { word } = readWords(root);
  let room = {};
  let shown = null; // {seq, notification}

  const end = subscribeAll(events, {
    [ROOM_WELCOMED]: (welcome) => (room = welcome.room),
    [ROOM_CHANGED]: (changed) => (room = changed.room),
    [ALERT_DUE]: ({ message }) => show(message),
    [ATTENTION_CHANGED]: ({ unread }) => !unread && close(),
    [TIMELINE_CHANGED]: ({ changed }) => changed.some(({ seq, deleted }) => deleted && seq === shown?.seq) && close(),
  });

  function show(message) {
    if (window.Notification?.permission !== "granted") return;
    const { seq, author, body } = message;
    const text = excerptOf(message, BODY_CHARACTERS);
    const notification = make(word("title", { name: author.name, room: room.title }), {
      body: actionOf(body) === null ? text : word("acts", { name: author.name, action: text }),
      tag: `chatty.${room.slug}`,
      icon: document.querySelector("link[rel=apple-touch-icon]").href,
      renotify: true,
      silent: true, // Sound is sound.js's.
    });
    if (!notification) return;
    shown = { seq, notification };
    notification.onclick = () => {
      notification.close();
      window.focus();
      lead(seq);
    };
  }

  function make(title, options) {
    try {
      return new Notification(title, options);
    } catch {
      events.publish(ALERTS_BLOCKED, { reason: "missing" }); // Android's browsers have them for service workers only.
      return null;
    }
  }

  function lead(seq) {
    const hash = `#message/${seq}`;
    if (location.hash === hash) events.publish(SHOW_MESSAGE, { seq });
    else location.hash = hash;
  }

  function close() {
    shown?.notification.close();
    shown = null;
  }

  return function unmount() {
    end();
    close();
  };
}

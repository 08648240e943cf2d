/**
 * Shows alerts as system notifications: one for each room, the newest. A click goes to the message.
 *
 * On Android only a service worker may show them: the worker of the offline page does it (templates/chat/worker.js).
 */
import {
  ALERTS_BLOCKED,
  ROOM_CHANGED,
  ROOM_WELCOMED,
  SHOW_MESSAGE,
  TIMELINE_CHANGED,
  subscribeAll,
} from "../app/events.js";
import { actionOf } from "../kit/commands.js";
import { listen } from "../kit/dom.js";
import { excerptOf } from "../kit/excerpt.js";
import { readWords } from "../kit/words.js";
import { alertDue, attentionChanged } from "./signals.js";

const BODY_CHARACTERS = 140; // Systems show about as many.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word } = readWords(root);
  let room = {};
  let shown = null; // {seq, notification}
  let isBlocked = false;

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED]: (welcome) => (room = welcome.room),
      [ROOM_CHANGED]: (changed) => (room = changed.room),
      [TIMELINE_CHANGED]: ({ changed }) => changed.some(({ seq, deleted }) => deleted && seq === shown?.seq) && close(),
    }),
    alertDue.listen(({ message }) => show(message)),
    attentionChanged.listen(({ unread }) => !unread && close()),
  ];
  if (navigator.serviceWorker) ends.push(listen(navigator.serviceWorker, "message", ({ data }) => data?.seq && lead(data.seq)));

  function show(message) {
    if (window.Notification?.permission !== "granted") return;
    const { seq, author, body } = message;
    const text = excerptOf(message, BODY_CHARACTERS);
    const name = author.bot ? word("bot", { name: author.name }) : author.name;
    const notification = make(seq, word("title", { name, room: room.title }), {
      body: actionOf(body) === null ? text : word("acts", { name, action: text }),
      tag: `chatty.${room.slug}`,
      icon: /** @type {HTMLLinkElement} */ (document.querySelector("link[rel=apple-touch-icon]")).href,
      renotify: true,
      silent: true, // sound.js plays the sound.
    });
    if (!notification) return;
    shown = { seq, notification };
    notification.onclick = () => {
      notification.close();
      window.focus();
      lead(seq);
    };
  }

  function make(seq, title, options) {
    try {
      return new Notification(title, options);
    } catch {
      showByWorker(seq, title, options);
      return null;
    }
  }

  async function showByWorker(seq, title, options) {
    const registration = await navigator.serviceWorker?.getRegistration(document.body.dataset.home).catch(() => null);
    if (!registration && !isBlocked) {
      isBlocked = true; // Reported once.
      events.publish(ALERTS_BLOCKED, { reason: "missing" });
    }
    if (!registration) return;
    const data = { seq, url: `${location.pathname}#message/${seq}` };
    const isShown = await registration.showNotification(title, { ...options, data }).then(() => true, () => false); // It fails without an active worker.
    if (!isShown) return;
    const close = async () => (await registration.getNotifications({ tag: options.tag })).forEach((each) => each.close());
    shown = { seq, notification: { close } };
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
    ends.forEach((end) => end());
    close();
  };
}

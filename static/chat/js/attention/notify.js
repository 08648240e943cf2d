/**
 * Shows alerts as system notifications: one for each room, the newest. A click goes to the message.
 *
 * On Android only a service worker may show them: the worker of the offline page does it (templates/chat/worker.js).
 */
import {
  GO_TO_ROOM,
  ROOM_CHANGED,
  ROOM_WELCOMED,
  SHOW_MESSAGE,
  TIMELINE_CHANGED,
  subscribeAll,
} from "../app/events.js";
import { actionOf } from "../kit/commands.js";
import { listen } from "../kit/dom.js";
import { excerptOf } from "../kit/excerpt.js";
import { roomURL } from "../kit/room-names.js";
import { readWords } from "../kit/words.js";
import { alertDue, alertsBlocked, attentionChanged, roomDue } from "./signals.js";

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
    roomDue.listen(showRoom),
    attentionChanged.listen(({ unread }) => !unread && close()),
  ];
  if (navigator.serviceWorker) ends.push(listen(navigator.serviceWorker, "message", ({ data }) => data?.seq && lead(data.seq)));

  function show(message) {
    const { seq, author, body } = message;
    const text = excerptOf(message, BODY_CHARACTERS);
    const name = author.bot ? word("bot", { name: author.name }) : author.name;
    const said = actionOf(body) === null ? text : word("acts", { name, action: text });
    const url = `${location.pathname}#message/${seq}`;
    const notification = make(word("title", { name, room: room.title }), said, room.slug, { seq, url }, () => lead(seq));
    if (notification) shown = { seq, notification };
  }

  function showRoom({ slug, title }) {
    make(word("elsewhere", { room: title }), "", slug, { seq: null, url: roomURL(slug) }, () => events.publish(GO_TO_ROOM, { slug }));
  }

  /** Shows a notification of a room. Returns it, or null if the worker shows it or it can't be shown. */
  function make(title, body, slug, data, follow) {
    if (window.Notification?.permission !== "granted") return null;
    const options = {
      body,
      tag: `chatty.${slug}`,
      icon: /** @type {HTMLLinkElement} */ (document.querySelector("link[rel=apple-touch-icon]")).href,
      renotify: true,
      silent: true, // sound.js plays the sound.
    };
    try {
      const notification = new Notification(title, options);
      notification.onclick = () => {
        notification.close();
        window.focus();
        follow();
      };
      return notification;
    } catch {
      showByWorker(title, { ...options, data });
      return null;
    }
  }

  async function showByWorker(title, options) {
    const registration = await navigator.serviceWorker?.getRegistration(document.body.dataset.home).catch(() => null);
    if (!registration && !isBlocked) {
      isBlocked = true; // Reported once.
      alertsBlocked.emit({ reason: "missing" });
    }
    if (!registration) return;
    const isShown = await registration.showNotification(title, options).then(() => true, () => false); // It fails without an active worker.
    if (!isShown) return;
    const close = async () => (await registration.getNotifications({ tag: options.tag })).forEach((each) => each.close());
    shown = { seq: options.data.seq, notification: { close } };
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

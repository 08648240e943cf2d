/**
 * What the page knew of a room when the reader left it for another. On the return it is shown at once, like a room whose connection was lost, and
 * the connection resumes from there. So a room is readable before the server has answered, and offline.
 */
import {
  CHANGES_ARRIVED,
  CONNECTION_CHANGED,
  FILTER_CHANGED,
  MEMBER_AWAY,
  MEMBER_JOINED,
  MEMBER_LEFT,
  MEMBER_RENAMED,
  MESSAGE_ARRIVED,
  ROOM_CHANGED,
  ROOM_LEAVING,
  ROOM_PULSED,
  ROOM_WELCOMED,
  SESSION_CHANGED,
  SESSION_JOINED,
  SHOW_MESSAGE,
  TIMELINE_REACHED,
  VIEW_MOVED,
  subscribeAll,
} from "../app/events.js";
import { NewestMessages } from "./newest-messages.js";

const ROOMS = 20;
const remembered = new Map(); // slug -> {session, welcome, read}, the room that was left longest ago first.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const slug = root.dataset.room;
  const messages = new NewestMessages();
  const members = new Map(); // By id.
  let me = null;
  let session = null;
  let welcome = null; // The last one, with `room` and `online` as of now.
  let reached = null; // Each change up to this version has arrived.
  let read = null; // The reading position without a filter. Null at the newest message.
  let isFiltered = false;

  return subscribeAll(events, {
    [CONNECTION_CHANGED]: ({ state }) => state !== "idle" && restore(),
    [ROOM_LEAVING]: remember,
    [SESSION_CHANGED]: ({ id }) => (me = id),
    [SESSION_JOINED]: (joined) => (session = joined),
    [ROOM_WELCOMED](welcomed) {
      if (welcomed.reset || welcomed.log !== welcome?.log) messages.startAfresh(welcomed.messages, welcomed.more);
      else welcomed.messages.forEach((message) => messages.put(message));
      members.clear();
      welcomed.members.forEach(meet);
      welcome = welcomed;
    },
    [CHANGES_ARRIVED](changes) {
      if (changes.reset) messages.startAfresh(changes.messages, changes.more);
      else changes.messages.forEach((message) => messages.put(message));
    },
    [MESSAGE_ARRIVED]: (message) => messages.put(message),
    [ROOM_CHANGED]: ({ room }) => update({ room }),
    [ROOM_PULSED]: ({ online }) => update({ online }),
    [MEMBER_JOINED]({ member, online }) {
      meet(member);
      update({ online });
    },
    [MEMBER_RENAMED]: ({ member }) => meet(member),
    [MEMBER_LEFT]({ id, online }) {
      members.delete(id);
      update({ online });
    },
    [MEMBER_AWAY]: ({ id, on }) => members.has(id) && meet({ ...members.get(id), away: on }),
    [TIMELINE_REACHED]: (to) => (reached = to),
    [FILTER_CHANGED]: ({ filter }) => (isFiltered = filter !== null),
    [VIEW_MOVED]: (view) => !isFiltered && (read = view.read),
  });

  function meet(member) {
    members.set(member.id, member);
  }

  function update(changes) {
    welcome = { ...welcome, ...changes };
  }

  function remember() {
    if (!welcome || reached?.log !== welcome.log) return;
    const { re, ...said } = welcome;
    const known = { ...said, ...messages.newest(), head: reached.version, members: [...members.values()], reset: true, isRemembered: true };
    remembered.set(slug, { session, welcome: known, read });
    if (remembered.size > ROOMS) remembered.delete(remembered.keys().next().value);
  }

  /** Shows what is remembered, if the reader is the same person as then. */
  function restore() {
    const former = remembered.get(slug);
    remembered.delete(slug);
    if (!former || welcome || former.session.id !== me) return;
    events.publish(SESSION_JOINED, former.session);
    events.publish(ROOM_WELCOMED, former.welcome);
    if (former.read && !location.hash) events.publish(SHOW_MESSAGE, former.read);
  }
}

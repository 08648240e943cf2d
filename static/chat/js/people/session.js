/**
 * The reader in this room: `{id, name, mayRename, isModerator, mayDescribe, log}`. Only this module stores it. It publishes `session:changed`, also to
 * later subscribers.
 *
 * The id is known before the room has answered, and the name as soon as it is chosen, so the page can show both while offline.
 */
import { IDENTITY_READY, MEMBER_RENAMED, NAME_CHOSEN, SESSION_CHANGED, SESSION_JOINED, subscribeAll } from "../app/events.js";

/** @param {Mounting} at */
export function mount({ events }) {
  /** @type {Page.Session} */
  let session = { id: null, name: "", mayRename: true, isModerator: false, mayDescribe: false, log: null };

  function change(changes) {
    session = { ...session, ...changes };
    events.publish(SESSION_CHANGED, session);
  }

  return subscribeAll(events, {
    [IDENTITY_READY]({ uuid, name }) {
      const mayRename = name === null;
      if (uuid !== session.id || mayRename !== session.mayRename) change({ id: uuid, mayRename });
    },
    [NAME_CHOSEN]: ({ name }) => name !== session.name && change({ name }),
    [SESSION_JOINED]: change,
    [MEMBER_RENAMED]: ({ member }) => member.id === session.id && change({ name: member.name }),
  });
}

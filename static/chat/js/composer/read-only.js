/** Marks the page while the room is locked. The styles then hide controls that need the right to write. */
import { ROOM_CHANGED, ROOM_WELCOMED, SESSION_CHANGED, subscribeAll } from "../app/events.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  let isModerator = false;

  const end = subscribeAll(events, {
    [SESSION_CHANGED]: (session) => (isModerator = session.isModerator),
    [ROOM_WELCOMED]: ({ room }) => show(room),
    [ROOM_CHANGED]: ({ room }) => show(room),
  });

  /** @param {Wire.Room} room */
  function show({ locked }) {
    root.classList.toggle("is-read-only", Boolean(locked) && !isModerator);
  }

  return function unmount() {
    end();
    root.classList.remove("is-read-only");
  };
}

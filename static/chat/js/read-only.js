/** Takes away from all messages what can't be done with them while the room is locked: the page has a class for it. */
import { ROOM_CHANGED, ROOM_WELCOMED, subscribeAll } from "./events.js";

export function mount({ events, root }) {
  let isModerator = false;

  const end = subscribeAll(events, {
    [ROOM_WELCOMED]({ moderator, room }) {
      isModerator = Boolean(moderator);
      show(room);
    },
    [ROOM_CHANGED]: ({ room }) => show(room),
  });

  function show({ locked }) {
    root.classList.toggle("is-read-only", Boolean(locked) && !isModerator);
  }

  return function unmount() {
    end();
    root.classList.remove("is-read-only");
  };
}

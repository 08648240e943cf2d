/** Shows the room's posting rules: hides the composer while the room is locked, counts down to the next message in slow mode. */
import { COMMAND_REFUSED, MESSAGE_ARRIVED, ROOM_CHANGED, ROOM_WELCOMED, SESSION_CHANGED, subscribeAll } from "../app/events.js";
import { setText, slot } from "../kit/dom.js";
import { now } from "../kit/elapsed.js";
import { countdown } from "../kit/time.js";
import { readWords } from "../kit/words.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, plural } = readWords(root);
  let me = null;
  let isModerator = false;
  let slow = 0;
  let isLocked = false;
  let stopCountdown = () => {};

  const end = subscribeAll(events, {
    [SESSION_CHANGED](session) {
      me = session.id;
      isModerator = session.isModerator;
    },
    [ROOM_WELCOMED]: ({ room }) => obey(room),
    [ROOM_CHANGED]: ({ room }) => obey(room),
    [MESSAGE_ARRIVED]({ author, seq, version }) {
      if (author.id === me && seq === version) wait(slow);
    },
    [COMMAND_REFUSED]({ code, nonce, retry_after: seconds }) {
      if (code === "rate_limited" && nonce && seconds) wait(seconds);
    },
  });

  function obey(room) {
    slow = room.slow ?? 0;
    isLocked = Boolean(room.locked);
    stopCountdown();
    root.classList.toggle("is-locked", isLocked && !isModerator);
    slot(root, "locked").hidden = !isLocked || isModerator;
    say();
  }

  function wait(seconds) {
    if (!slow || isModerator) return;
    stopCountdown();
    stopCountdown = countdown(now() + seconds * 1000, say);
  }

  function say(seconds = 0) {
    const pace = slow ? plural("slow", slow) : "";
    if (isModerator) setText(slot(root, "rule"), isLocked ? word("locked-moderator") : pace && `${pace} ${word("slow-moderator")}`);
    else setText(slot(root, "rule"), pace && seconds ? `${pace} ${plural("next", seconds)}` : pace);
    slot(root, "rule").hidden = !slot(root, "rule").textContent;
  }

  return function unmount() {
    stopCountdown();
    end();
  };
}

/**
 * The reader's edits, deletions and reactions that the server hasn't answered yet. They are sent one at a time, in order.
 *
 * They survive lost connections, reloads and the end of their tab (`kit/kept-work.js`). Each may be sent again: if it was executed already, the
 * answer is the message's current state. An edit has the edition that it is based on (`base`), so that a late edit doesn't overwrite a newer one of
 * another tab: it is refused, and pending-changes-notice.js keeps its text.
 */
import {
  AMENDMENTS_CHANGED,
  AMEND_MESSAGE,
  APP_LAUNCHED,
  CHANGES_ARRIVED,
  MESSAGE_ARRIVED,
  ROOM_WELCOMED,
  request,
  subscribeAll,
} from "../app/events.js";
import { supersedes } from "../kit/pending-changes.js";
import { nextTime } from "../kit/kept-work.js";
import { SendQueue } from "../kit/send-queue.js";
import { makeUuid } from "../kit/uuid.js";
import { discardAmendment, retryAmendment } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const queue = new SendQueue("amendments", root.dataset.room, ({ id }) => id, { asFound, send, changed: publish, refused, adopted: () => log && meetLog(log) });
  let log = null;

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: () => publish(queue.entries),
      [AMEND_MESSAGE](asked) {
        const { entries } = queue;
        const amendment = { id: makeUuid(), at: nextTime(entries), log, ...asked, state: "sending" };
        const rest = entries.filter((entry) => isUnderWay(entry, asked.type) || !supersedes(amendment, entry));
        queue.change([...rest, amendment], [amendment]);
        queue.flush();
      },
      [ROOM_WELCOMED](welcome) {
        meetLog(welcome.log);
        queue.flush();
      },
      [MESSAGE_ARRIVED]: (message) => rebase([message]),
      [CHANGES_ARRIVED]: ({ messages }) => rebase(messages),
    }),
    retryAmendment.listen(({ id }) => {
      queue.replace(id, { state: "sending", code: null });
      queue.flush();
    }),
    discardAmendment.listen(({ id }) => queue.remove([id])),
  ];

  /** Handles a new log of the room, in which other messages have these seqs. */
  function meetLog(name) {
    log = name;
    const lost = queue.entries.filter((entry) => entry.log && entry.log !== log && entry.code !== "no_such_message");
    for (const { id, type } of lost) {
      if (type === "edit") queue.replace(id, { isTried: false, state: "failed", code: "no_such_message" });
      else queue.remove([id]);
    }
  }

  function send({ id, type, seq, body, base, mentions, emoji, on, retryAt }, answered) {
    if (retryAt) queue.replace(id, { retryAt: null });
    const progress = (isSent) => isSent && !queue.get(id).isTried && queue.replace(id, { isTried: true });
    return request(events, { type, seq, body, base, mentions, emoji, on }, answered, { progress });
  }

  function refused(entry, refusal) {
    if (isNeedless(entry, refusal.code)) queue.remove([entry.id]);
    else queue.refuse(entry.id, refusal, { isTried: false });
  }

  /** Whether an entry was sent and isn't answered. Then the next edit waits, because its `base` depends on the answer. */
  function isUnderWay({ id, type, isTried }, newer) {
    return id === queue.sent || (type === "edit" && newer === "edit" && isTried);
  }

  /** Whether a finally refused entry can be dropped without losing anything. */
  function isNeedless(entry, code) {
    if (code === "rate_limited" || code === "unavailable") return false;
    // A tombstone is enough after a deletion or a reaction. An edit has a text that must not be lost.
    if (entry.type !== "edit") return code === "no_such_message";
    // A later edit replaces this one, and gets its own answer.
    return queue.entries.some((later) => later.state === "sending" && later.id !== entry.id && supersedes(later, entry));
  }

  /** Updates `base` of edits that were written while an earlier own edit was on its way. */
  function rebase(messages) {
    const saved = queue.get(queue.sent);
    const edited = saved?.type === "edit" && messages.find(({ seq, body }) => seq === saved.seq && body === saved.body);
    if (!edited) return;
    const base = edited.edited_at ?? 0;
    queue.entries = queue.entries.map((entry) => (entry.id !== saved.id && entry.type === "edit" && entry.seq === edited.seq ? { ...entry, base } : entry));
  }

  function publish(concerned) {
    events.publish(AMENDMENTS_CHANGED, { entries: queue.entries, seqs: new Set(concerned.map(({ seq }) => seq)) });
  }

  return function unmount() {
    ends.forEach((end) => end());
    queue.close();
  };
}

/** Converts a found entry. Retry times of another page are invalid here. */
function asFound(entry) {
  return { ...entry, retryAt: null };
}

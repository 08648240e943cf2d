/**
 * Edits, deletions and reactions of mine that the server hasn't answered yet. One at a time is on its way, in the order of asking.
 *
 * They outlive lost connections, reloads and the end of their tab (`kit/kept-work.js`). Each may be sent again: where it is carried out already, the
 * message comes back as it stands. An edit names the edition that it was made from (`base`), so that one that waited for long doesn't overwrite
 * what another tab has saved since: it is refused, and pending-changes-notice.js keeps its words.
 */
import {
  AMENDMENTS_CHANGED,
  AMEND_MESSAGE,
  APP_LAUNCHED,
  CHANGES_ARRIVED,
  DISCARD_AMENDMENT,
  MESSAGE_ARRIVED,
  RETRY_AMENDMENT,
  ROOM_WELCOMED,
  request,
  subscribeAll,
} from "../app/events.js";
import { supersedes } from "../kit/pending-changes.js";
import { nextTime } from "../kit/kept-work.js";
import { SendQueue } from "../kit/send-queue.js";
import { makeUuid } from "../kit/uuid.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const queue = new SendQueue("amendments", root.dataset.room, ({ id }) => id, { asFound, send, changed: publish, refused, adopted: () => log && meetLog(log) });
  let log = null;

  const end = subscribeAll(events, {
    [APP_LAUNCHED]: () => publish(queue.entries),
    [AMEND_MESSAGE](asked) {
      const { entries } = queue;
      const amendment = { id: makeUuid(), at: nextTime(entries), log, ...asked, state: "sending" };
      const rest = entries.filter((entry) => isUnderWay(entry, asked.type) || !supersedes(amendment, entry));
      queue.change([...rest, amendment], [amendment]);
      queue.flush();
    },
    [RETRY_AMENDMENT]({ id }) {
      queue.replace(id, { state: "sending", code: null });
      queue.flush();
    },
    [DISCARD_AMENDMENT]: ({ id }) => queue.remove([id]),
    [ROOM_WELCOMED](welcome) {
      meetLog(welcome.log);
      queue.flush();
    },
    [MESSAGE_ARRIVED]: (message) => rebase([message]),
    [CHANGES_ARRIVED]: ({ messages }) => rebase(messages),
  });

  /** Where the room has another log, other messages have the numbers of those that mine were about. */
  function meetLog(name) {
    log = name;
    const lost = queue.entries.filter((entry) => entry.log && entry.log !== log && entry.code !== "no_such_message");
    for (const { id, type } of lost) {
      if (type === "edit") queue.replace(id, { isTried: false, state: "failed", code: "no_such_message" });
      else queue.remove([id]);
    }
  }

  function send({ id, type, seq, body, base, emoji, on, retryAt }, answered) {
    if (retryAt) queue.replace(id, { retryAt: null });
    const progress = (isSent) => isSent && !queue.get(id).isTried && queue.replace(id, { isTried: true });
    return request(events, { type, seq, body, base, emoji, on }, answered, { progress });
  }

  function refused(entry, refusal) {
    if (isNeedless(entry, refusal.code)) queue.remove([entry.id]);
    else queue.refuse(entry.id, refusal, { isTried: false });
  }

  /** It was sent and isn't answered. After such an edit the next edit waits, because its `base` depends on the answer. */
  function isUnderWay({ id, type, isTried }, newer) {
    return id === queue.sent || (type === "edit" && newer === "edit" && isTried);
  }

  /** Whether nothing is lost with an entry that was refused for good. */
  function isNeedless(entry, code) {
    if (code === "rate_limited" || code === "unavailable") return false;
    // A tombstone is enough after a deletion or a reaction. An edit has a text that must not be lost.
    if (entry.type !== "edit") return code === "no_such_message";
    // What I wrote later says it all, and finds out by itself.
    return queue.entries.some((later) => later.state === "sending" && later.id !== entry.id && supersedes(later, entry));
  }

  /** What I wrote while an edit of mine was on its way was made from that edition. */
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
    end();
    queue.close();
  };
}

/** The times of another page mean nothing here. */
function asFound(entry) {
  return { ...entry, retryAt: null };
}

/**
 * What I said and the server hasn't acknowledged yet. One at a time is on its way, so they arrive in the order of writing.
 *
 * Each keeps its nonce through refusals, lost connections, reloads and the end of its tab (`kit/kept-work.js`): sent twice, it is still one message.
 * It leaves the outbox when it comes back as a message of the room, or when it is discarded.
 */
import {
  APP_LAUNCHED,
  CHANGES_ARRIVED,
  DISCARD_MESSAGE,
  MESSAGE_ARRIVED,
  OUTBOX_CHANGED,
  RETRY_MESSAGE,
  ROOM_WELCOMED,
  SEND_MESSAGE,
  request,
  subscribeAll,
} from "../app/events.js";
import { nextTime } from "../kit/kept-work.js";
import { SendQueue } from "../kit/send-queue.js";
import { makeUuid } from "../kit/uuid.js";

const LATE_MS = 3_600_000; // What is found so long after it was written may not be meant any more: its writer is asked.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const queue = new SendQueue("outbox", root.dataset.room, ({ nonce }) => nonce, { asFound, send, changed: publish });

  const end = subscribeAll(events, {
    [APP_LAUNCHED]: publish,
    [SEND_MESSAGE]({ body, reply_to }) {
      const { entries } = queue;
      const entry = { nonce: makeUuid(), body, reply_to, at: nextTime(entries), state: "sending" };
      queue.change([...entries, entry], [entry]);
      queue.flush();
    },
    [RETRY_MESSAGE]: ({ nonce }) => {
      const { code } = queue.get(nonce) ?? {};
      // What it answered is gone with the room's old log; the words may still be worth saying.
      queue.replace(nonce, { state: "sending", code: null, ...(code === "no_such_message" && { reply_to: undefined }) });
      queue.flush();
    },
    [DISCARD_MESSAGE]: ({ nonce }) => queue.remove([nonce]),
    [ROOM_WELCOMED]({ messages }) {
      acknowledge(messages);
      queue.flush();
    },
    [MESSAGE_ARRIVED]: (message) => acknowledge([message]),
    [CHANGES_ARRIVED]: ({ messages }) => acknowledge(messages),
  });

  function send({ nonce, body, reply_to, retryAt }, answered) {
    if (retryAt) queue.replace(nonce, { retryAt: null });
    return request(events, { type: "post", nonce, body, reply_to }, answered);
  }

  function acknowledge(messages) {
    const stored = new Set(messages.map((message) => message.nonce)); // Even under a former identity: nobody else knew the nonce.
    queue.remove(queue.entries.map((entry) => entry.nonce).filter((nonce) => stored.has(nonce)));
  }

  function publish() {
    events.publish(OUTBOX_CHANGED, { entries: queue.entries });
  }

  return function unmount() {
    end();
    queue.close();
  };
}

/** What has waited for long waits on, for a word of its writer. The times of another page mean nothing here. */
function asFound(entry) {
  const isLate = entry.state === "sending" && Date.now() - entry.at > LATE_MS;
  return { ...entry, retryAt: null, ...(isLate && { state: "failed", code: "late" }) };
}

/**
 * The reader's messages that the server hasn't acknowledged yet. They are sent one at a time, so they arrive in the order of writing.
 *
 * Each keeps its nonce through refusals, lost connections, reloads and the end of its tab (`kit/kept-work.js`): sent twice, it is still one message.
 * It leaves the outbox when it arrives as a message of the room, or when it is discarded.
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

const LATE_MS = 3_600_000; // An older message of a closed tab may be outdated, so the reader is asked.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const queue = new SendQueue("outbox", root.dataset.room, ({ nonce }) => nonce, { asFound, send, changed: publish });

  const end = subscribeAll(events, {
    [APP_LAUNCHED]: publish,
    [SEND_MESSAGE]({ body, reply_to, mentions }) {
      const { entries } = queue;
      const entry = { nonce: makeUuid(), body, reply_to, mentions, at: nextTime(entries), state: "sending" };
      queue.change([...entries, entry], [entry]);
      queue.flush();
    },
    [RETRY_MESSAGE]: ({ nonce }) => {
      const { code } = queue.get(nonce) ?? {};
      // The message that it answered is gone with the room's old log. The text is kept.
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

  function send({ nonce, body, reply_to, mentions, retryAt }, answered) {
    if (retryAt) queue.replace(nonce, { retryAt: null });
    return request(events, { type: "post", nonce, body, reply_to, mentions }, answered);
  }

  function acknowledge(messages) {
    const stored = new Set(messages.map((message) => message.nonce)); // Also of a former identity, because nonces are secret.
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

/** Converts a found entry. An old one waits for the reader's decision. Retry times of another page are invalid here. */
function asFound(entry) {
  const isLate = entry.state === "sending" && Date.now() - entry.at > LATE_MS;
  return { ...entry, retryAt: null, ...(isLate && { state: "failed", code: "late" }) };
}

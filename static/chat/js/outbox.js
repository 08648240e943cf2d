/**
 * What I said and the server hasn't acknowledged yet. One at a time is on its way, so they arrive in the order of writing.
 *
 * Each keeps its nonce through refusals, lost connections, reloads and the end of its tab (`lib/kept.js`): sent twice, it is still one message.
 * It leaves the outbox when it comes back as a message of the room, or when it is discarded.
 */
import {
  APP_LAUNCHED,
  CHANGES_ARRIVED,
  COMMAND_REFUSED,
  CONNECTION_CHANGED,
  DISCARD_MESSAGE,
  MESSAGE_ARRIVED,
  OUTBOX_CHANGED,
  RETRY_MESSAGE,
  ROOM_WELCOMED,
  SEND_COMMAND,
  SEND_MESSAGE,
  subscribeAll,
} from "./events.js";
import { inOrder, nextTime, openKept } from "./lib/kept.js";
import { makeUuid } from "./lib/uuid.js";

const TEMPORARY = new Set(["rate_limited", "unavailable"]);
const RETRY_SECONDS = 2; // Where a temporary refusal names no time.
const ANSWER_MS = 10_000; // No word of it on a living connection: send it again, the nonce makes that safe.
const LATE_MS = 3_600_000; // What is found so long after it was written may not be meant any more: its writer is asked.

export function mount({ events, root }) {
  const kept = openKept("outbox", root.dataset.room, ({ nonce }) => nonce, { adopt, drop });
  let entries = kept.own.map(asFound);
  let me = null;
  let isJoined = false;
  let sent = null;
  let timer = null;

  const end = subscribeAll(events, {
    [APP_LAUNCHED]: tell,
    [SEND_MESSAGE]({ body, reply_to }) {
      change([...entries, { nonce: makeUuid(), body, reply_to, at: nextTime(entries), state: "sending" }]);
      flush();
    },
    [RETRY_MESSAGE]: ({ nonce }) => {
      const { code } = entries.find((entry) => entry.nonce === nonce) ?? {};
      // What it answered is gone with the room's old log; the words may still be worth saying.
      replace(nonce, { state: "sending", code: null, ...(code === "no_such_message" && { reply_to: undefined }) });
      flush();
    },
    [DISCARD_MESSAGE]: ({ nonce }) => settle([nonce]),
    [ROOM_WELCOMED](welcome) {
      me = welcome.me.id;
      isJoined = true;
      sent = null;
      acknowledge(welcome.messages);
      flush();
    },
    [MESSAGE_ARRIVED]: (message) => acknowledge([message]),
    [CHANGES_ARRIVED]: ({ messages }) => acknowledge(messages),
    [COMMAND_REFUSED]: refuse,
    [CONNECTION_CHANGED]({ state }) {
      if (state === "joined") return; // The welcome follows.
      isJoined = false;
      sent = null;
      clearTimeout(timer);
    },
  });

  /** What a tab left that is gone. */
  function adopt(left) {
    change(inOrder([...entries, ...left.map(asFound)]));
    flush();
  }

  /** Another tab, which had taken it over, is done with it. */
  function drop(nonce) {
    settle([nonce]);
  }

  function flush() {
    const next = entries.find((entry) => entry.state === "sending");
    if (!isJoined || sent || !next) return;
    clearTimeout(timer);
    const wait = (next.retryAt ?? 0) - Date.now();
    if (wait > 0) {
      timer = setTimeout(flush, wait);
      return;
    }
    if (next.retryAt) replace(next.nonce, { retryAt: null });
    sent = next.nonce;
    timer = setTimeout(sendAgain, ANSWER_MS);
    events.publish(SEND_COMMAND, { command: { type: "post", nonce: next.nonce, body: next.body, reply_to: next.reply_to } });
  }

  function sendAgain() {
    sent = null;
    flush();
  }

  function acknowledge(messages) {
    const mine = new Set(messages.filter((message) => message.nonce && message.author.id === me).map((message) => message.nonce));
    settle(entries.map((entry) => entry.nonce).filter((nonce) => mine.has(nonce)));
  }

  function settle(nonces) {
    if (!nonces.length) return;
    change(entries.filter((entry) => !nonces.includes(entry.nonce)));
    if (nonces.includes(sent)) sendAgain();
  }

  function refuse({ nonce, code, retry_after: retryAfter }) {
    if (!entries.some((entry) => entry.nonce === nonce)) return;
    if (TEMPORARY.has(code)) replace(nonce, { retryAt: Date.now() + (retryAfter ?? RETRY_SECONDS) * 1000 });
    else replace(nonce, { state: "failed", code });
    if (nonce === sent) sendAgain();
  }

  function replace(nonce, news) {
    change(entries.map((entry) => (entry.nonce === nonce ? { ...entry, ...news } : entry)));
  }

  function change(next) {
    entries = next;
    kept.keep(entries);
    tell();
  }

  function tell() {
    events.publish(OUTBOX_CHANGED, { entries });
  }

  return function unmount() {
    end();
    kept.close();
    clearTimeout(timer);
  };
}

/** What has waited for long waits on, for a word of its writer. */
function asFound(entry) {
  const isLate = entry.state === "sending" && Date.now() - entry.at > LATE_MS;
  return isLate ? { ...entry, state: "failed", code: "late" } : entry;
}

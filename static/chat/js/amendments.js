/**
 * Edits, deletions and reactions of mine that the server hasn't answered yet. One at a time is on its way, in the order of asking.
 *
 * They outlive lost connections, reloads and the end of their tab (`lib/kept.js`). Each may be sent again: where it is carried out already, the
 * message comes back as it stands. An edit names the edition that it was made from (`base`), so that one that waited for long doesn't overwrite
 * what another tab has saved since: it is refused, and amendment-notice.js keeps its words.
 */
import {
  AMENDMENTS_CHANGED,
  AMEND_MESSAGE,
  APP_LAUNCHED,
  CHANGES_ARRIVED,
  COMMAND_REFUSED,
  CONNECTION_CHANGED,
  DISCARD_AMENDMENT,
  MESSAGE_ARRIVED,
  RETRY_AMENDMENT,
  ROOM_WELCOMED,
  SEND_COMMAND,
  subscribeAll,
} from "./events.js";
import { isCarriedOut, supersedes } from "./lib/amend.js";
import { inOrder, nextTime, openKept } from "./lib/kept.js";
import { makeUuid } from "./lib/uuid.js";

const TEMPORARY = new Set(["rate_limited", "unavailable"]);
const RETRY_SECONDS = 2; // Where a temporary refusal names no time.
const ANSWER_MS = 10_000; // No word of it on a living connection: ask again.

export function mount({ events, root }) {
  const kept = openKept("amendments", root.dataset.room, ({ id }) => id, { adopt, drop: settle });
  let entries = kept.own;
  let me = null;
  let log = null;
  let isJoined = false;
  let sent = null; // The id of the one that is on its way.
  let timer = null;

  const end = subscribeAll(events, {
    [APP_LAUNCHED]: () => tell(entries),
    [AMEND_MESSAGE]({ type, seq, body, base, emoji, on }) {
      const amendment = { id: makeUuid(), at: nextTime(entries), log, type, seq, body, base, emoji, on, state: "sending" };
      const rest = entries.filter((entry) => isUnderWay(entry, type) || !supersedes(amendment, entry));
      change([...rest, amendment], [amendment]);
      flush();
    },
    [RETRY_AMENDMENT]({ id }) {
      replace(id, { state: "sending", code: null });
      flush();
    },
    [DISCARD_AMENDMENT]: ({ id }) => settle(id),
    [ROOM_WELCOMED](welcome) {
      me = welcome.me.id;
      isJoined = true;
      sent = null;
      meetLog(welcome.log);
      flush();
    },
    [MESSAGE_ARRIVED]: (message) => acknowledge([message]),
    [CHANGES_ARRIVED]: ({ messages }) => acknowledge(messages),
    [COMMAND_REFUSED]({ seq, nonce, code, retry_after: retryAfter }) {
      const entry = entries.find(({ id }) => id === sent);
      if (!entry || nonce || entry.seq !== seq) return;
      if (TEMPORARY.has(code)) replace(sent, { isTried: false, retryAt: Date.now() + (retryAfter ?? RETRY_SECONDS) * 1000 });
      // A tombstone says enough to whoever wanted it, or reacted to it. An edit has words that must not be lost.
      else if (code === "no_such_message" && entry.type !== "edit") return settle(sent);
      // What I wrote later says it all, and finds out by itself.
      else if (entry.type === "edit" && entries.some((later) => later.state === "sending" && later.id !== sent && supersedes(later, entry)))
        return settle(sent);
      else replace(sent, { isTried: false, state: "failed", code });
      sendNext();
    },
    [CONNECTION_CHANGED]({ state }) {
      if (state === "joined") return; // The welcome follows.
      isJoined = false;
      sent = null;
      clearTimeout(timer);
    },
  });

  /** Where the room has another log, other messages have the numbers of those that mine were about. */
  function meetLog(name) {
    log = name;
    const lost = entries.filter((entry) => entry.log && entry.log !== log && entry.code !== "no_such_message");
    for (const { id, type } of lost) {
      if (type === "edit") replace(id, { isTried: false, state: "failed", code: "no_such_message" });
      else settle(id);
    }
  }

  /** What a tab left that is gone. */
  function adopt(left) {
    change(inOrder([...entries, ...left]), left);
    if (log) meetLog(log);
    flush();
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
    if (next.retryAt || !next.isTried) replace(next.id, { retryAt: null, isTried: true });
    sent = next.id;
    timer = setTimeout(sendNext, ANSWER_MS);
    const { type, seq, body, base, emoji, on } = next;
    events.publish(SEND_COMMAND, { command: { type, seq, body, base, emoji, on } });
  }

  /** Nobody knows whether it is carried out. Of an edit, the next one has to know: its base depends on it. */
  function isUnderWay({ id, type, isTried }, newer) {
    return id === sent || (type === "edit" && newer === "edit" && isTried);
  }

  function sendNext() {
    sent = null;
    flush();
  }

  /** Only what is on its way can be answered: a later one may ask for how things were before. */
  function acknowledge(messages) {
    const entry = entries.find(({ id }) => id === sent);
    const answer = entry && messages.find(({ seq }) => seq === entry.seq);
    if (!answer || !isCarriedOut(entry, answer, me)) return;
    if (entry.type === "edit") rebase(answer);
    settle(entry.id);
  }

  /** What I wrote meanwhile was made from this edition. */
  function rebase({ seq, edited_at: base = 0 }) {
    entries = entries.map((entry) => (entry.id !== sent && entry.type === "edit" && entry.seq === seq ? { ...entry, base } : entry));
  }

  function settle(id) {
    change(
      entries.filter((entry) => entry.id !== id),
      entries.filter((entry) => entry.id === id),
    );
    if (id === sent) sendNext();
  }

  function replace(id, news) {
    const changed = entries.map((entry) => (entry.id === id ? { ...entry, ...news } : entry));
    change(
      changed,
      changed.filter((entry) => entry.id === id),
    );
  }

  function change(next, concerned) {
    entries = next;
    kept.keep(entries);
    tell(concerned);
  }

  function tell(concerned) {
    events.publish(AMENDMENTS_CHANGED, { entries, seqs: new Set(concerned.map(({ seq }) => seq)) });
  }

  return function unmount() {
    end();
    kept.close();
    clearTimeout(timer);
  };
}

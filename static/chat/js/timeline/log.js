/**
 * A room's loaded messages: everything from `oldest` up to version `head`, without a gap.
 *
 * Each method returns the effect: `{kind, ...}` with kind `reset` (rebuild the view), `changed` (`added` and `changed` messages),
 * `extended` (an older page), `hole` (something is missing: request the changes after `head`) or `same`.
 */
import { least } from "../kit/extremes.js";

export class RoomLog {
  #held = new Map();
  /** @type {any} */
  log = null; // The id of the history. Null before the first welcome.
  head = 0;
  more = false;
  // The server compares these with its own: a difference means that its database was restored from a copy.
  /** @type {{seq: number, nonce: string} | null} */
  newest = null; // The newest message.
  /** @type {number | null} */
  changed = null; // The seq of the message that version `head` created or changed. Null if unknown.
  oldest = Infinity; // The lowest seq held. `history` loads older ones.

  /** The messages, by seq. */
  get messages() {
    return [...this.#held.values()].sort((a, b) => a.seq - b.seq);
  }

  get size() {
    return this.#held.size;
  }

  has(seq) {
    return this.#held.has(seq);
  }

  get(seq) {
    return this.#held.get(seq);
  }

  welcome({ log, head, reset, messages, more }) {
    if (reset || log !== this.log) return this.#startAfresh(log, head, messages, more);
    this.#reach(head, messages);
    return this.#apply(messages);
  }

  message(message) {
    if (message.version > this.head + 1) return { kind: "hole" };
    this.#reach(message.version, [message]);
    return this.#apply([message]);
  }

  /** Records a change of which only the version matters here. */
  pass({ version }) {
    if (version > this.head + 1) return { kind: "hole" };
    this.head = Math.max(this.head, version);
    return { kind: "same" };
  }

  changes({ since, head, reset, messages, more }) {
    if (reset) return this.#startAfresh(this.log, head, messages, more);
    if (since > this.head) return { kind: "hole" };
    this.#reach(head, messages);
    return this.#apply(messages);
  }

  page({ messages, more }) {
    this.more = more;
    const added = messages.filter((message) => !this.#held.has(message.seq));
    for (const message of added) this.#hold(message);
    return { kind: "extended", messages: added, more };
  }

  /** Drops all but the `count` newest messages. `history` loads the others again. */
  keepNewest(count) {
    const gone = this.messages.slice(0, -count);
    for (const { seq } of gone) this.#held.delete(seq);
    if (!gone.length) return;
    this.more = true;
    this.oldest = least(this.#held.keys());
  }

  #startAfresh(log, head, messages, more) {
    Object.assign(this, { log, head: 0, more, oldest: Infinity, newest: null, changed: null });
    this.#held.clear();
    this.#reach(head, messages);
    for (const message of messages) this.#hold(message);
    return { kind: "reset", messages: [...messages].sort((a, b) => a.seq - b.seq), more };
  }

  #reach(head, messages) {
    if (head <= this.head) return;
    this.head = head;
    this.changed = messages.find(({ version }) => version === head)?.seq ?? null;
  }

  #apply(messages) {
    const added = [];
    const changed = [];
    const start = this.more ? this.oldest : 0;
    for (const message of messages) {
      const held = this.#held.get(message.seq);
      if (held && held.version >= message.version) continue;
      // A change to a message above the loaded part. `history` will load its current state.
      if (!held && message.seq < start) continue;
      this.#hold(message);
      (held ? changed : added).push(message);
    }
    return { kind: added.length || changed.length ? "changed" : "same", added, changed };
  }

  #hold(message) {
    this.#held.set(message.seq, message);
    this.oldest = Math.min(this.oldest, message.seq);
    if (message.seq > (this.newest?.seq ?? 0)) this.newest = { seq: message.seq, nonce: message.nonce };
  }
}

/**
 * A room's messages as far as this page holds them: everything from `oldest` up to version `head`, without a gap.
 *
 * Every answer says what became of it: `{kind, ...}` with kind `reset` (start the view afresh), `changed` (`added` and `changed` messages),
 * `extended` (an older page), `hole` (something is missing: ask for what came after `head`) or `same`.
 */
export class RoomLog {
  #held = new Map();
  log = null;
  head = 0;
  more = false;
  oldest = Infinity; // The lowest seq held; what lies below comes by `history`.

  /** By seq. */
  get messages() {
    return [...this.#held.values()].sort((a, b) => a.seq - b.seq);
  }

  get size() {
    return this.#held.size;
  }

  has(seq) {
    return this.#held.has(seq);
  }

  welcome({ log, head, reset, messages, more }) {
    if (reset || log !== this.log) return this.#startAfresh(log, head, messages, more);
    this.head = Math.max(this.head, head);
    return this.#apply(messages);
  }

  message(message) {
    if (message.version > this.head + 1) return { kind: "hole" };
    this.head = Math.max(this.head, message.version);
    return this.#apply([message]);
  }

  changes({ since, head, reset, messages, more }) {
    if (reset) return this.#startAfresh(this.log, head, messages, more);
    if (since > this.head) return { kind: "hole" };
    this.head = Math.max(this.head, head);
    return this.#apply(messages);
  }

  page({ messages, more }) {
    this.more = more;
    const added = messages.filter((message) => !this.#held.has(message.seq));
    for (const message of added) this.#hold(message);
    return { kind: "extended", messages: added, more };
  }

  /** Lets go of all but the `count` newest, which `history` brings again. */
  keepNewest(count) {
    const gone = this.messages.slice(0, -count);
    for (const { seq } of gone) this.#held.delete(seq);
    if (!gone.length) return;
    this.more = true;
    this.oldest = Math.min(...this.#held.keys());
  }

  #startAfresh(log, head, messages, more) {
    Object.assign(this, { log, head, more, oldest: Infinity });
    this.#held.clear();
    for (const message of messages) this.#hold(message);
    return { kind: "reset", messages: [...messages].sort((a, b) => a.seq - b.seq), more };
  }

  #apply(messages) {
    const added = [];
    const changed = [];
    const start = this.more ? this.oldest : 0;
    for (const message of messages) {
      const held = this.#held.get(message.seq);
      if (held && held.version >= message.version) continue;
      // A change to a message above the loaded part: history will bring it as it then stands.
      if (!held && message.seq < start) continue;
      this.#hold(message);
      (held ? changed : added).push(message);
    }
    return { kind: added.length || changed.length ? "changed" : "same", added, changed };
  }

  #hold(message) {
    this.#held.set(message.seq, message);
    this.oldest = Math.min(this.oldest, message.seq);
  }
}

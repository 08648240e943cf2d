/**
 * The room's messages that match a filter: at first those of the log, then requested older pages.
 *
 * It is complete from `oldest` on, up to `newest` if `newer` is true. In this range a message that matches after an edit is added, and one that no
 * longer matches is removed. A tombstone stays in its place, so that readers see the deletion.
 */
import { greatest, least } from "../kit/extremes.js";

export class FilteredPlace {
  #held = new Map();
  #gone = new Map(); // seq -> the removed version. A late event must not restore an older one.
  #matches;
  newer = false; // Newer messages were dropped and can be requested.
  newest = 0; // All matches are held up to here, and beyond it without `newer`.

  constructor(log, matches) {
    this.#matches = matches;
    this.more = log.more;
    this.oldest = log.oldest;
    this.#hold(log.messages.filter(matches));
  }

  get size() {
    return this.#held.size;
  }

  /** The messages, by seq. */
  get messages() {
    return [...this.#held.values()].sort((a, b) => a.seq - b.seq);
  }

  has(seq) {
    return this.#held.has(seq);
  }

  get(seq) {
    return this.#held.get(seq);
  }

  /** Adds an older page of matches. Returns its new messages. */
  extendDown({ messages, more }) {
    this.more = more && messages.length > 0;
    if (this.more) this.oldest = least(messages.map(({ seq }) => seq), this.oldest);
    return this.#hold(messages);
  }

  /** Adds a newer page of matches. Returns its new messages. */
  extendUp({ messages, newer }) {
    this.newer = Boolean(newer) && messages.length > 0;
    return this.#hold(messages);
  }

  /** Drops all messages but these, which are consecutive. */
  keep(messages) {
    this.newer ||= messages.at(-1).seq < greatest(this.#held.keys());
    this.newest = messages.at(-1).seq;
    if (messages[0].seq > least(this.#held.keys())) {
      this.more = true;
      this.oldest = messages[0].seq;
    }
    this.#held = new Map(messages.map((message) => [message.seq, message]));
    for (const seq of this.#gone.keys()) if (this.more && seq < this.oldest) this.#gone.delete(seq);
  }

  /**
   * Applies new and changed messages of the room, of which `added` are new. Returns the effect here: messages `added` at the end, `entered`
   * further up and `changed`, and the `removed` seqs.
   */
  apply(messages, added) {
    const born = new Set(added.map(({ seq }) => seq));
    /** @type {Record<"added" | "entered" | "changed" | "removed", any[]>} */
    const result = { added: [], entered: [], changed: [], removed: [] };
    for (const message of messages) {
      const { seq, version } = message;
      const held = this.#held.get(seq);
      if ((held?.version ?? this.#gone.get(seq) ?? 0) >= version) continue;
      if (held && !message.deleted && !this.#matches(message)) {
        this.#held.delete(seq);
        this.#gone.set(seq, version);
        result.removed.push(seq);
      } else if (held || this.#isPlaceOf(message)) {
        this.#held.set(seq, message);
        this.newest = Math.max(this.newest, seq);
        result[held ? "changed" : born.has(seq) ? "added" : "entered"].push(message);
      }
    }
    return result;
  }

  #isPlaceOf(message) {
    const isWithin = (!this.more || message.seq > this.oldest) && (!this.newer || message.seq < this.newest);
    return isWithin && this.#matches(message);
  }

  #hold(messages) {
    const added = messages.filter(({ seq, version }) => !this.#held.has(seq) && !(this.#gone.get(seq) >= version));
    for (const message of added) this.#held.set(message.seq, message);
    this.newest = greatest(added.map(({ seq }) => seq), this.newest);
    return added;
  }
}

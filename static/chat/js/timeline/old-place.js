/**
 * Loaded messages around an old place, with a gap between them and the newest ones.
 *
 * It applies changes of its messages. New messages belong to the other side of the gap.
 */
import { greatest, least } from "../kit/extremes.js";

export class OldPlace {
  #held = new Map();
  more = false; // Older messages can be requested.
  newer = true; // Newer messages can be requested.
  oldest = Infinity;
  newest = -Infinity;

  constructor({ messages, more }) {
    this.more = more;
    this.#hold(messages);
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

  /** Adds an older page. Returns its new messages. */
  extendDown({ messages, more }) {
    this.more = more;
    return this.#hold(messages);
  }

  /** Adds a newer page. Returns its new messages. */
  extendUp({ messages }) {
    return this.#hold(messages);
  }

  /** Applies new and changed messages of the room. Returns the effect here, which is only changes. */
  apply(messages) {
    const changed = messages.filter(({ seq, version }) => this.#held.get(seq)?.version < version);
    for (const message of changed) this.#held.set(message.seq, message);
    return { added: [], entered: [], changed, removed: [] };
  }

  /** Drops all messages but these, which are consecutive. */
  keep(messages) {
    this.more ||= messages[0].seq > this.oldest;
    this.#held = new Map(messages.map((message) => [message.seq, message]));
    this.oldest = messages[0].seq;
    this.newest = messages.at(-1).seq;
  }

  /** Adds these messages to the log if the gap is closed. Returns the messages that only the log had. Null if there is a gap. */
  join(log, newer) {
    if (newer && this.newest < log.oldest) return null;
    const rest = log.messages.filter(({ seq }) => !this.#held.has(seq));
    if (this.oldest < log.oldest) log.page(this);
    return rest;
  }

  #hold(messages) {
    const added = messages.filter((message) => !this.#held.has(message.seq));
    for (const message of added) this.#held.set(message.seq, message);
    const seqs = added.map(({ seq }) => seq);
    this.oldest = least(seqs, this.oldest);
    this.newest = greatest(seqs, this.newest);
    return added;
  }
}

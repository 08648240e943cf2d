/**
 * Loaded messages around an old place, with a gap between them and the newest ones.
 *
 * It gets changes of its messages. New messages belong to the other side of the gap.
 */
import { greatest, least } from "../kit/extremes.js";

export class OldPlace {
  #held = new Map();
  more = false; // Older ones can be asked for.
  newer = true; // Newer ones can be asked for.
  oldest = Infinity;
  newest = -Infinity;

  constructor({ messages, more }) {
    this.more = more;
    this.#hold(messages);
  }

  get size() {
    return this.#held.size;
  }

  /** By seq. */
  get messages() {
    return [...this.#held.values()].sort((a, b) => a.seq - b.seq);
  }

  has(seq) {
    return this.#held.has(seq);
  }

  get(seq) {
    return this.#held.get(seq);
  }

  /** Takes an older page; returns what is new of it. */
  extendDown({ messages, more }) {
    this.more = more;
    return this.#hold(messages);
  }

  /** Takes a newer page; returns what is new of it. */
  extendUp({ messages }) {
    return this.#hold(messages);
  }

  /** Takes what has come or changed anywhere in the room; returns what that is here: changes only. */
  apply(messages) {
    const changed = messages.filter(({ seq, version }) => this.#held.get(seq)?.version < version);
    for (const message of changed) this.#held.set(message.seq, message);
    return { added: [], entered: [], changed, removed: [] };
  }

  /** Lets go of all but these, which are some of it in a row. */
  keep(messages) {
    this.more ||= messages[0].seq > this.oldest;
    this.#held = new Map(messages.map((message) => [message.seq, message]));
    this.oldest = messages[0].seq;
    this.newest = messages.at(-1).seq;
  }

  /** Gives the log what lies before it, where there is no gap any more. Returns what only the log held; null where there is a gap. */
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

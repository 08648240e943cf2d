/**
 * The messages around an old place, as far as they were asked for. Between them and the newest ones is a gap.
 *
 * Changes of what it holds are told to it; new messages belong to the other side of the gap.
 */
export class OldPlace {
  #held = new Map();
  more = false;

  constructor({ messages, more }) {
    this.more = more;
    this.#hold(messages);
  }

  get oldest() {
    return Math.min(...this.#held.keys());
  }

  get newest() {
    return Math.max(...this.#held.keys());
  }

  /** By seq. */
  get messages() {
    return [...this.#held.values()].sort((a, b) => a.seq - b.seq);
  }

  has(seq) {
    return this.#held.has(seq);
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

  #hold(messages) {
    const added = messages.filter((message) => !this.#held.has(message.seq));
    for (const message of added) this.#held.set(message.seq, message);
    return added;
  }
}

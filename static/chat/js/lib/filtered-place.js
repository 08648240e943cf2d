/**
 * The messages of the room that match a filter: of what the log holds at first, then of older pages that were asked for.
 *
 * It is complete from `oldest` on: a message from there that begins to match by an edit enters, one that doesn't match any more is removed.
 * A tombstone stays where its message stood, so that nobody wonders where it went.
 */
export class FilteredPlace {
  #held = new Map();
  #gone = new Map(); // seq -> the version that was removed: an event that comes late must not bring an older one back.
  #matches;

  constructor(log, matches) {
    this.#matches = matches;
    this.more = log.more;
    this.oldest = log.oldest;
    this.#hold(log.messages.filter(matches));
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

  /** Takes an older page of what matches; returns what is new of it. */
  extendDown({ messages, more }) {
    this.more = more && messages.length > 0;
    if (this.more) this.oldest = Math.min(this.oldest, ...messages.map(({ seq }) => seq));
    return this.#hold(messages);
  }

  /**
   * Takes what has come or changed anywhere in the room, `news` of it being new messages. Returns what that is here: `added` at the end,
   * `entered` further up, `changed`, and the seqs that are `removed`.
   */
  apply(messages, news) {
    const born = new Set(news.map(({ seq }) => seq));
    const told = { added: [], entered: [], changed: [], removed: [] };
    for (const message of messages) {
      const { seq, version } = message;
      const held = this.#held.get(seq);
      if ((held?.version ?? this.#gone.get(seq) ?? 0) >= version) continue;
      if (held && !message.deleted && !this.#matches(message)) {
        this.#held.delete(seq);
        this.#gone.set(seq, version);
        told.removed.push(seq);
      } else if (held || this.#isPlaceOf(message)) {
        this.#held.set(seq, message);
        told[held ? "changed" : born.has(seq) ? "added" : "entered"].push(message);
      }
    }
    return told;
  }

  #isPlaceOf(message) {
    return (!this.more || message.seq > this.oldest) && this.#matches(message);
  }

  #hold(messages) {
    const added = messages.filter(({ seq, version }) => !this.#held.has(seq) && !(this.#gone.get(seq) >= version));
    for (const message of added) this.#held.set(message.seq, message);
    return added;
  }
}

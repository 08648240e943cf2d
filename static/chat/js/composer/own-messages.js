/** The reader's own messages that this page has loaded, and the seq from which they are complete. */
import { least } from "../kit/extremes.js";

const MOST_HELD = 500; // Older ones are requested again.

export class OwnMessages {
  #held = new Map(); // seq -> message
  #log = null;
  #from = Infinity; // All own messages from this seq on are held.

  constructor(isOwn) {
    this.isOwn = isOwn;
  }

  /** The id of the room's history. Null before the first welcome. */
  get log() {
    return this.#log;
  }

  get(seq) {
    return this.#held.get(seq);
  }

  /** The seq below which there may be others. 0 if there are none. */
  get from() {
    return this.#from;
  }

  welcome({ log, reset, messages, more }) {
    if (reset || log !== this.#log) this.#startAfresh(messages, more);
    this.#log = log;
    this.meet(messages);
  }

  changes({ reset, messages, more }) {
    if (reset) this.#startAfresh(messages, more);
    this.meet(messages);
  }

  /** Adds messages, in any order and any number of times. */
  meet(messages) {
    for (const message of messages.filter(this.isOwn)) {
      if (message.version >= (this.#held.get(message.seq)?.version ?? 0)) this.#held.set(message.seq, message);
    }
    if (this.#held.size > MOST_HELD) this.#letGo();
  }

  /** Adds a page with the newest ones below `from`. */
  page({ messages, more }) {
    this.meet(messages);
    this.#from = lowest(messages, more);
  }

  /** The newest message from `from` on that `isWanted`. */
  newest(isWanted) {
    const seqs = [...this.#held.keys()].filter((seq) => seq >= this.#from).sort((a, b) => b - a);
    return seqs.map((seq) => this.#held.get(seq)).find(isWanted);
  }

  #letGo() {
    const seqs = [...this.#held.keys()].sort((a, b) => a - b);
    for (const seq of seqs.slice(0, MOST_HELD / 2)) this.#held.delete(seq);
    this.#from = Math.max(this.#from, seqs[MOST_HELD / 2]);
  }

  #startAfresh(messages, more) {
    this.#held.clear();
    this.#from = lowest(messages, more);
  }
}

function lowest(messages, more) {
  return more ? least(messages.map(({ seq }) => seq)) : 0;
}

/** The newest messages of a room, without a gap: a limited number, with a limited amount of text. */
import { least } from "../kit/extremes.js";

const MOST = 200;
const CHARACTERS = 500_000; // Of bodies and HTML.

export class NewestMessages {
  #held = new Map(); // By seq.
  #oldest = 0; // The lowest seq held.
  #isMore = false; // The room has older messages.

  startAfresh(messages, isMore) {
    this.#held = new Map(messages.map((message) => [message.seq, message]));
    this.#isMore = isMore;
    this.#oldest = least(this.#held.keys());
  }

  /** Takes a new or changed message. One that is older than those held is ignored, unless all are held. */
  put(message) {
    if (this.#isMore && message.seq < this.#oldest) return;
    if (this.#held.get(message.seq)?.version >= message.version) return;
    this.#held.set(message.seq, message);
    if (this.#held.size > 2 * MOST) {
      const { messages, more } = this.newest();
      this.startAfresh(messages, more);
    }
  }

  /** The newest messages within the limits, by seq, and whether there are older ones. */
  newest() {
    const sorted = [...this.#held.values()].sort((one, other) => one.seq - other.seq).slice(-MOST);
    let characters = 0;
    const tooMuch = sorted.findLastIndex(({ body, html }) => (characters += body.length + html.length) > CHARACTERS);
    const messages = sorted.slice(tooMuch + 1);
    return { messages, more: this.#isMore || messages.length < this.#held.size };
  }
}

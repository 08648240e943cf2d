/**
 * Turns `reacted` events into changed messages.
 *
 * Reactions of one frame are passed on together at its end: a message with ten new reactions is rendered once. docs/protocol.md has the
 * rule: a reaction changes the message of version `after`.
 */
import { withReaction } from "../kit/pending-changes.js";

export class Reacted {
  #merged = new Map(); // seq -> the message with what came in this frame
  #onReacted;

  /** `onReacted(message)` is called for each message that was reacted to, when the frame is through. */
  constructor(onReacted) {
    this.#onReacted = onReacted;
  }

  /**
   * Takes one for the message as any of `places` (with `get(seq)`) holds it. Returns the version that is held where changes of it are missing,
   * which must not be, else null.
   */
  take(reaction, places) {
    const held = [this.#merged, ...places].map((place) => place?.get(reaction.seq)).filter(Boolean);
    const message = held.reduce((newest, one) => (one.version > newest.version ? one : newest), held[0]);
    if (!message || message.version > reaction.after) return null; // A page brings it, or has brought it already.
    if (message.version < reaction.after) return message.version;
    if (!this.#merged.size) queueMicrotask(() => this.#emitAll());
    this.#merged.set(reaction.seq, withReaction(message, reaction));
    return null;
  }

  #emitAll() {
    const messages = [...this.#merged.values()];
    this.#merged.clear();
    messages.forEach(this.#onReacted);
  }
}

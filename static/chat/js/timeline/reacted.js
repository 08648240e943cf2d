/**
 * Turns `reacted` events into changed messages.
 *
 * Reactions of one frame are applied together at its end, so a message with ten new reactions is rendered once. docs/protocol.md has the
 * rule: a reaction changes the message of version `after`.
 */
import { withReaction } from "../kit/pending-changes.js";

export class Reacted {
  #merged = new Map(); // seq -> the message with this frame's reactions
  #onReacted;

  /** `onReacted(message)` is called for each message with new reactions, at the end of the frame. */
  constructor(onReacted) {
    this.#onReacted = onReacted;
  }

  /**
   * Applies a reaction to the newest version of the message in `places` (with `get(seq)`). If changes of the message are missing, which
   * shouldn't happen, returns the version that is held. Otherwise returns null.
   */
  take(reaction, places) {
    const held = [this.#merged, ...places].map((place) => place?.get(reaction.seq)).filter(Boolean);
    const message = held.reduce((newest, one) => (one.version > newest.version ? one : newest), held[0]);
    if (!message || message.version > reaction.after) return null; // A page will include it, or has included it.
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

/**
 * The loaded messages, by seq, and the range of them that has nodes: enough around the screen, never all.
 *
 * `view` is the visible range `{oldest, newest, isAtEnd}`: its first and last seq, and whether the reader follows the newest message.
 */
import { firstThat } from "./first-that.js";

const START = 100; // Some screens, enough for the first scrolling.
const STEP = 50; // Messages that get nodes at once: few enough for one frame.
const NEAR = 40; // With fewer messages ahead of the reader, more get nodes. A tall screen shows about as many.
const MOST = 300;
const MOST_PINNED = 600; // The limit while a pinned message (a selection, the focus) prevents trimming.

export class Stretch {
  #held = [];
  #first = 0;
  #end = 0; // The index after the last one.
  view = { oldest: 0, newest: 0, isAtEnd: true };

  /** The messages with nodes. */
  get shown() {
    return this.#held.slice(this.#first, this.#end);
  }

  get size() {
    return this.#end - this.#first;
  }

  /** Whether there are older messages without nodes. */
  get hasAbove() {
    return this.#first > 0;
  }

  get hasBelow() {
    return this.#end < this.#held.length;
  }

  /** Replaces all messages and goes to the newest. */
  reset(messages, isAtEnd = true) {
    this.#held = [...messages];
    this.view = { oldest: 0, newest: 0, isAtEnd };
    this.#end = this.#held.length;
    this.#first = Math.max(0, this.#end - START);
  }

  /** Adds messages at their places. Those at the end get nodes if the reader follows them, or if there are few. */
  add(messages) {
    for (const message of messages) {
      const place = this.#placeOf(message.seq);
      const isLast = place === this.#held.length && place === this.#end;
      if (!put(this.#held, place, message)) continue;
      if (isLast && (this.view.isAtEnd || this.size < MOST)) this.#end += 1;
      else if (place <= this.#first) this.#move(1);
      else if (place < this.#end) this.#end += 1;
    }
  }

  /** Applies changes of held messages. */
  replace(messages) {
    for (const message of messages) put(this.#held, this.#placeOf(message.seq), message);
  }

  /** Extends the range if the reader is near its ends. Returns whether it grew. */
  grow() {
    const { size, view } = this;
    const isKnown = view.newest > 0; // Otherwise nothing was on the screen yet.
    const above = isKnown ? this.#placeOf(view.oldest) - this.#first : size;
    const below = isKnown ? this.#end - 1 - this.#placeOf(view.newest) : size;
    if (this.hasAbove && above < NEAR) this.#first = Math.max(0, this.#first - STEP);
    if (this.hasBelow && below < NEAR) this.#end = Math.min(this.#held.length, this.#end + STEP);
    return this.size > size;
  }

  /** Removes messages far from the reader from the range, up to a pinned one (`isPinned(seq)`). Returns them. */
  trim(isPinned) {
    if (this.size < MOST + STEP) return [];
    const { oldest, newest, isAtEnd } = this.view;
    const above = (isAtEnd ? this.#end : this.#placeOf(oldest)) - this.#first;
    const below = isAtEnd ? 0 : this.#end - this.#placeOf(newest);
    const isTop = above >= below;
    const most = Math.max(0, Math.min(this.size - MOST, Math.max(above, below) - NEAR));
    const far = (isTop ? this.shown : this.shown.reverse()).slice(0, most);
    const pin = this.size < MOST_PINNED ? far.findIndex(({ seq }) => isPinned(seq)) : -1;
    const gone = pin < 0 ? far : far.slice(0, pin);
    if (isTop) this.#first += gone.length;
    else this.#end -= gone.length;
    return gone;
  }

  /** Goes to `seq`, or to the next message. Returns whether the range changed. */
  goTo(seq) {
    const place = Math.min(this.#placeOf(seq), this.#held.length - 1);
    if (place >= this.#first && place < this.#end) return false;
    this.view = { oldest: seq, newest: seq, isAtEnd: false };
    this.#first = Math.max(0, place - STEP);
    this.#end = Math.min(this.#held.length, place + STEP);
    return true;
  }

  /** Goes to the newest message. Returns whether the range changed. */
  goToEnd() {
    this.view = { ...this.view, isAtEnd: true };
    if (!this.hasBelow) return false;
    this.#end = this.#held.length;
    this.#first = Math.max(0, this.#end - START);
    return true;
  }

  /** Drops all messages but those from the seq `oldest` to `newest`. Returns the dropped ones that had nodes. */
  keep(oldest, newest) {
    const isKept = ({ seq }) => oldest <= seq && seq <= newest;
    const gone = this.shown.filter((message) => !isKept(message));
    const count = this.#placeOf(oldest);
    this.#held = this.#held.filter(isKept);
    this.#move(-count);
    this.#end = Math.min(this.#end, this.#held.length);
    this.#first = Math.min(this.#first, this.#end);
    return gone;
  }

  /** Drops these messages. */
  remove(seqs) {
    for (const seq of seqs) {
      const place = this.#placeOf(seq);
      if (this.#held[place]?.seq !== seq) continue;
      this.#held.splice(place, 1);
      if (place < this.#first) this.#move(-1);
      else if (place < this.#end) this.#end -= 1;
    }
  }

  #move(by) {
    this.#first = Math.max(0, this.#first + by);
    this.#end = Math.max(0, this.#end + by);
  }

  /** The index of the first message at or after `seq`. */
  #placeOf(seq) {
    const count = this.#held.length;
    if (!count || this.#held[count - 1].seq < seq) return count; // Nearly always it is the newest.
    return firstThat(this.#held, (message) => message.seq >= seq);
  }
}

/** Puts a message into its place. Returns whether it is new. */
function put(messages, place, message) {
  const isHeld = messages[place]?.seq === message.seq;
  messages.splice(place, isHeld ? 1 : 0, message);
  return !isHeld;
}

/**
 * The loaded messages, by seq, and the range of them that has nodes: enough around the screen, never all.
 *
 * `view` is what is on the screen: `{oldest, newest, isAtEnd}`, its first and last seq, and whether the reader follows the newest message.
 */
import { firstThat } from "./first-that.js";

const START = 100; // Some screens, so that the first look around needs nothing else.
const STEP = 50; // So many come at once: few enough for one frame.
const NEAR = 40; // With fewer than these ahead of the reader, more are needed. A tall screen shows about as many.
const MOST = 300;
const MOST_PINNED = 600; // Where something must not go (a selection, the focus), up to so many wait for it.

export class Stretch {
  #held = [];
  #first = 0;
  #end = 0; // Behind the last one.
  view = { oldest: 0, newest: 0, isAtEnd: true };

  /** Those that have nodes. */
  get shown() {
    return this.#held.slice(this.#first, this.#end);
  }

  get size() {
    return this.#end - this.#first;
  }

  /** Older ones are held that have no nodes. */
  get hasAbove() {
    return this.#first > 0;
  }

  get hasBelow() {
    return this.#end < this.#held.length;
  }

  /** Starts afresh, at the newest of these. */
  reset(messages, isAtEnd = true) {
    this.#held = [...messages];
    this.view = { oldest: 0, newest: 0, isAtEnd };
    this.#end = this.#held.length;
    this.#first = Math.max(0, this.#end - START);
  }

  /** Takes messages, wherever they belong. Those at the end get nodes while the reader follows them, or there are few. */
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

  /** Takes changes of messages that are held. */
  replace(messages) {
    for (const message of messages) put(this.#held, this.#placeOf(message.seq), message);
  }

  /** Gives nodes to what comes next where the reader gets near to the end of them; whether there was any. */
  grow() {
    const { size, view } = this;
    const isKnown = view.newest > 0; // Else nothing was on the screen yet.
    const above = isKnown ? this.#placeOf(view.oldest) - this.#first : size;
    const below = isKnown ? this.#end - 1 - this.#placeOf(view.newest) : size;
    if (this.hasAbove && above < NEAR) this.#first = Math.max(0, this.#first - STEP);
    if (this.hasBelow && below < NEAR) this.#end = Math.min(this.#held.length, this.#end + STEP);
    return this.size > size;
  }

  /** Takes nodes away far from the reader, beyond what `isPinned(seq)`. Returns the messages that lost theirs. */
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

  /** Goes to `seq`, or to what comes next; whether that is elsewhere. */
  goTo(seq) {
    const place = Math.min(this.#placeOf(seq), this.#held.length - 1);
    if (place >= this.#first && place < this.#end) return false;
    this.view = { oldest: seq, newest: seq, isAtEnd: false };
    this.#first = Math.max(0, place - STEP);
    this.#end = Math.min(this.#held.length, place + STEP);
    return true;
  }

  /** Goes to the newest; whether that is elsewhere. */
  goToEnd() {
    this.view = { ...this.view, isAtEnd: true };
    if (!this.hasBelow) return false;
    this.#end = this.#held.length;
    this.#first = Math.max(0, this.#end - START);
    return true;
  }

  /** Forgets what is not from the seq `oldest` to the seq `newest`. Returns the messages that lost their nodes. */
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

  /** Forgets these, whose nodes go as well. */
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

  /** The index of the first one at or behind `seq`. */
  #placeOf(seq) {
    const count = this.#held.length;
    if (!count || this.#held[count - 1].seq < seq) return count; // Nearly all that comes is the newest.
    return firstThat(this.#held, (message) => message.seq >= seq);
  }
}

/** Puts a message into its place; whether it wasn't there before. */
function put(messages, place, message) {
  const isHeld = messages[place]?.seq === message.seq;
  messages.splice(place, isHeld ? 1 : 0, message);
  return !isHeld;
}

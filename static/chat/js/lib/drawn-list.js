/** The nodes of the messages that `lib/stretch.js` says are near to the reader, in their order, before whatever else ends the list. */
import { arrange, arrangeAround } from "./arrange.js";
import { isPinned, keepFocus } from "./pins.js";
import { Stretch } from "./stretch.js";

export class DrawnList {
  #list;
  #newItem;
  #items = new Map(); // seq -> li
  #tell;
  #hadBelow = false;
  stretch = new Stretch();

  /** `newItem(message)` makes a node; `tell()` hears that nodes have come or gone, not only at the end. */
  constructor(list, newItem, tell) {
    this.#list = list;
    this.#newItem = newItem;
    this.#tell = tell;
  }

  get items() {
    return this.#items.values();
  }

  get(seq) {
    return this.#items.get(seq);
  }

  /** Everything anew: another place, or other messages. */
  redraw() {
    for (const item of this.#items.values()) item.remove();
    this.#items.clear();
    this.#make();
    arrange(this.#list);
    this.#tell();
  }

  /** Makes the nodes that are missing, takes away those that are too many. */
  draw() {
    this.#make();
    this.#trim();
    this.#tell();
  }

  /** The same for new messages: one more at the end moves nothing, and needs no look at the layout. */
  drawNews() {
    this.#make();
    const hasMoved = this.#trim() > 0;
    if (hasMoved || this.stretch.hasBelow !== this.#hadBelow) this.#tell();
    this.#hadBelow = this.stretch.hasBelow;
  }

  /** Forgets these messages. */
  remove(seqs) {
    this.stretch.remove(seqs);
    this.#drop(seqs.map((seq) => ({ seq })));
    arrange(this.#list);
    this.#tell();
  }

  /** Forgets the messages older than `seq`. */
  forget(seq) {
    this.#drop(this.stretch.forget(seq));
    this.#tell();
  }

  #trim() {
    const gone = this.stretch.trim((seq) => isPinned(this.#items.get(seq)));
    this.#drop(gone);
    return gone.length;
  }

  /** From the end, where nearly all of them go, until none is missing. */
  #make() {
    const made = [];
    let missing = this.stretch.size - this.#items.size;
    let below = missing ? this.#behindMessages() : null;
    for (const message of missing ? this.stretch.shown.reverse() : []) {
      if (!missing) break;
      if (!this.#items.has(message.seq)) {
        const item = this.#newItem(message);
        this.#items.set(message.seq, item);
        this.#list.insertBefore(item, below);
        made.push(item);
        missing -= 1;
      }
      below = this.#items.get(message.seq);
    }
    for (const item of made) arrangeAround(item);
  }

  /** What ends the list and is no message of the log. */
  #behindMessages() {
    let behind = null;
    let item = this.#list.lastElementChild;
    while (item && !item.dataset.seq) {
      behind = item;
      item = item.previousElementSibling;
    }
    return behind;
  }

  #drop(messages) {
    for (const { seq } of messages) {
      keepFocus(this.#items.get(seq));
      this.#items.get(seq)?.remove();
      this.#items.delete(seq);
    }
  }
}

/** The nodes of the messages near the screen (`timeline/render-window.js`), in order, before the other items at the end of the list. */
import { arrange, arrangeAround } from "./grouping.js";
import { isPinned, keepFocus } from "./pins.js";
import { Stretch } from "./render-window.js";

export class RenderedList {
  #list;
  #newItem;
  #items = new Map(); // seq -> li
  #onChange;
  #hadBelow = false;
  stretch = new Stretch();

  /** `newItem(message)` makes a node. `onChange()` is called when nodes were added or removed elsewhere than at the end. */
  constructor(list, newItem, onChange) {
    this.#list = list;
    this.#newItem = newItem;
    this.#onChange = onChange;
  }

  get items() {
    return this.#items.values();
  }

  get(seq) {
    return this.#items.get(seq);
  }

  /** Renders everything again, for another place or other messages. */
  rerender() {
    for (const item of this.#items.values()) item.remove();
    this.#items.clear();
    this.#make();
    arrange(this.#list);
    this.#onChange();
  }

  /** Makes missing nodes and removes excess ones. */
  render() {
    this.#make();
    this.#trim();
    this.#onChange();
  }

  /** The same for new messages. A node at the end moves nothing, so it needs no layout. */
  renderNew() {
    this.#make();
    const hasMoved = this.#trim() > 0;
    if (hasMoved || this.stretch.hasBelow !== this.#hadBelow) this.#onChange();
    this.#hadBelow = this.stretch.hasBelow;
  }

  /** Removes these messages. */
  remove(seqs) {
    this.stretch.remove(seqs);
    this.#drop(seqs.map((seq) => ({ seq })));
    arrange(this.#list);
    this.#onChange();
  }

  /** Removes all messages but those from the seq `oldest` to `newest`. */
  keep(oldest, newest) {
    this.#drop(this.stretch.keep(oldest, newest));
    this.#onChange();
  }

  #trim() {
    const gone = this.stretch.trim((seq) => isPinned(this.#items.get(seq)));
    this.#drop(gone);
    return gone.length;
  }

  /** Makes missing nodes, from the end, where nearly all of them belong. */
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

  /** The first of the items at the end of the list that aren't messages of the log. */
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

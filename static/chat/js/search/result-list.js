/** The search results, newest first, as items of `list`. `root` has their template. */
import { fromTemplate, setText, slot } from "../kit/dom.js";
import { clock, dayName, isoOf } from "../kit/time.js";

export class FoundList {
  #root;
  #list;

  constructor(root, list) {
    this.#root = root;
    this.#list = list;
  }

  get size() {
    return this.#list.children.length;
  }

  /** The seq of the last one. */
  get end() {
    return seqOf(this.#list.lastElementChild);
  }

  clear() {
    this.#list.replaceChildren();
  }

  append(results) {
    this.#list.append(...results.map((result) => this.#fill(fromTemplate(this.#root, "result"), result)));
  }

  /**
   * Takes the newest ones as they are now: what is new comes, what isn't found any more goes, and what stays keeps its node, which may have
   * the focus. With `more`, older ones stay that aren't among them. Whether `more` are still to be asked for.
   */
  renew(results, more, hadMore) {
    const known = new Map([...this.#list.children].map((item) => [seqOf(item), item]));
    const meets = results.some(({ seq }) => known.has(seq));
    const end = more && meets ? results.at(-1).seq : 0;
    const found = new Set(results.map(({ seq }) => seq));
    for (const [seq, item] of known) if (seq >= end && !found.has(seq)) item.remove();
    let below = this.#list.firstElementChild;
    for (const result of results) {
      const item = known.get(result.seq) ?? fromTemplate(this.#root, "result");
      if (item !== below) this.#list.insertBefore(item, below);
      else below = below.nextElementSibling;
      this.#fill(item, result);
    }
    return more && (hadMore || !meets);
  }

  #fill(item, { seq, author, at, excerpt }) {
    item.dataset.seq = seq;
    item.firstElementChild.href = `#message/${seq}`;
    setText(slot(item, "name"), author.name);
    slot(item, "bot").hidden = !author.bot;
    const time = slot(item, "time");
    time.dateTime = isoOf(at);
    setText(time, `${dayName(at)}, ${clock(at)}`);
    slot(item, "excerpt").replaceChildren(...excerpt.map(([text, isMatch]) => (isMatch ? mark(text) : text)));
    return item;
  }
}

function seqOf(item) {
  return Number(item.dataset.seq);
}

function mark(text) {
  const element = document.createElement("mark");
  element.textContent = text;
  return element;
}

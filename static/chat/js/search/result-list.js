/** The search results, newest first, as items of `list`. `root` has their template; its room is the page's. */
import { fromTemplate, setText, slot } from "../kit/dom.js";
import { roomURL } from "../kit/room-names.js";
import { clock, dayName, exact, isoOf } from "../kit/time.js";
import { openVisits } from "../kit/visits.js";

export class FoundList {
  #root;
  #list;
  #here;
  #results = new Map(); // By the key of their item.
  #titles = new Map(); // Of the reader's rooms, by address.
  #visits = openVisits();

  constructor(root, list) {
    this.#root = root;
    this.#list = list;
    this.#here = document.body.dataset.room;
  }

  get size() {
    return this.#list.children.length;
  }

  /** The results, in their order. */
  get all() {
    return [...this.#list.children].map((item) => this.#results.get(item.dataset.key));
  }

  clear() {
    this.#list.replaceChildren();
    this.#results.clear();
  }

  append(results) {
    this.#list.append(...results.map((result) => this.#fill(fromTemplate(this.#root, "result"), result)));
  }

  /** Marks the result of a link as the one that the reader has gone to, and so as read. */
  visit(link) {
    this.#list.querySelector("[aria-current]")?.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    const item = link.closest("li");
    this.#fill(item, { ...this.#results.get(item.dataset.key), isMention: false });
  }

  /** `titles`: of the reader's rooms, by address. */
  name(titles) {
    this.#titles = titles;
    for (const item of this.#list.children) this.#fill(item, this.#results.get(item.dataset.key));
  }

  /**
   * Takes the newest ones as they are now: what is new comes, what isn't found any more goes, and what stays keeps its node, which may have
   * the focus. With `more`, older ones stay that aren't among them. Whether `more` are still to be asked for.
   */
  renew(results, more, hadMore) {
    const known = new Map([...this.#list.children].map((item) => [item.dataset.key, item]));
    const meets = results.some((result) => known.has(keyOf(result)));
    const last = more && meets ? results.at(-1) : null;
    const found = new Set(results.map(keyOf));
    for (const [key, item] of known) if (!found.has(key) && !(last && isOlder(this.#results.get(key), last))) this.#remove(item);
    let below = this.#list.firstElementChild;
    for (const result of results) {
      const item = known.get(keyOf(result)) ?? fromTemplate(this.#root, "result");
      if (item !== below) this.#list.insertBefore(item, below);
      else below = below.nextElementSibling;
      this.#fill(item, result);
    }
    return more && (hadMore || !meets);
  }

  #remove(item) {
    this.#results.delete(item.dataset.key);
    item.remove();
  }

  #fill(item, result) {
    const { seq, author, at, excerpt, room, isMention } = result;
    item.dataset.key = keyOf(result);
    this.#results.set(item.dataset.key, result);
    item.firstElementChild.href = room && room !== this.#here ? `${roomURL(room)}#message/${seq}` : `#message/${seq}`;
    setText(slot(item, "name"), author.name);
    slot(item, "bot").hidden = !author.bot;
    slot(item, "where").hidden = !room;
    setText(slot(item, "room"), room ? (this.#titles.get(room) ?? room) : "");
    slot(item, "unread").hidden = !isMention || seq <= (this.#visits.get(room ?? this.#here)?.seq ?? 0);
    const time = slot(item, "time");
    time.dateTime = isoOf(at);
    time.title = exact(at);
    setText(time, `${dayName(at)}, ${clock(at)}`);
    slot(item, "excerpt").replaceChildren(...excerpt.map(([text, isMatch]) => (isMatch ? mark(text) : text)));
    return item;
  }
}

function keyOf({ room, seq }) {
  return `${room ?? ""}/${seq}`;
}

/** Whether a result comes after another one. */
function isOlder(one, other) {
  return one.room === other.room ? one.seq < other.seq : one.at < other.at;
}

function mark(text) {
  const element = document.createElement("mark");
  element.textContent = text;
  return element;
}

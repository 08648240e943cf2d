/** Marks the message that is being edited or answered in the list. */
import { MESSAGE_FILLED } from "../app/events.js";

export class SubjectMark {
  #name;
  #seq = null;
  #end;

  /** `name` distinguishes the marks of several modules on one message. */
  constructor(events, name) {
    this.#name = name;
    this.#end = events.subscribe(MESSAGE_FILLED, ({ item, message }) => "seq" in message && this.#paint(item, message.seq));
  }

  /** Marks the message with this seq, also when its node is made later. Null for none. */
  move(seq) {
    this.#seq = seq;
    /** @type {NodeListOf<HTMLElement>} */
    const items = document.querySelectorAll(".message");
    for (const item of items) this.#paint(item, Number(item.dataset.seq));
  }

  end() {
    this.move(null);
    this.#end();
  }

  #paint(item, seq) {
    const others = (item.dataset.subject ?? "").split(" ").filter((name) => name && name !== this.#name);
    const names = seq === this.#seq ? [...others, this.#name] : others;
    if (names.length) item.dataset.subject = names.join(" ");
    else delete item.dataset.subject;
  }
}

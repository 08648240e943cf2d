/** The options of the field "From": everyone, the reader, and the people whose names are known. */
import { setText } from "../kit/dom.js";
import { tagOf } from "../kit/names.js";

const MOST_OFFERED = 2_000;

export class AuthorOptions {
  #field;
  #own; // What the reader is called.
  #names = new Map();
  #options = new Map(); // By the member's id.
  #namesakes = new Map();
  #me = null;

  constructor(field, own) {
    this.#field = field;
    this.#own = own;
  }

  /** `id`: the reader's, whose option comes first. */
  meet(id, name) {
    this.#me = id;
    this.learn([{ id, name }], true);
    this.#field.options[0].after(this.#options.get(id));
  }

  /** Present members have their current name. Authors of old messages only fill gaps. */
  learn(people, isToday = false) {
    for (const { id, name } of people) {
      if (this.#names.has(id) && !isToday) continue;
      this.#names.set(id, name);
      if (!this.#options.has(id)) this.#options.set(id, this.#field.appendChild(new Option("", id)));
      this.#label(id);
    }
    const ids = [...this.#options.keys()];
    for (const id of ids.length > MOST_OFFERED ? ids.slice(0, MOST_OFFERED / 2) : []) this.#withdraw(id);
  }

  number(namesakes) {
    this.#namesakes = namesakes;
    for (const id of this.#options.keys()) this.#label(id);
  }

  nameOf(id) {
    return this.#names.get(id) ?? "";
  }

  #withdraw(id) {
    if (this.#field.value === id || id === this.#me) return;
    this.#options.get(id).remove();
    this.#options.delete(id);
    this.#names.delete(id);
  }

  #label(id) {
    const name = this.#names.get(id);
    const tag = tagOf(this.#namesakes, id, name);
    // An option can't contain elements, so control characters isolate the name's direction from the rest.
    const label = tag ? `\u2068${name}\u2069 ${tag}` : name;
    setText(this.#options.get(id), id === this.#me ? this.#own : label);
  }
}

/** The people whom the writer has chosen for the message in the field: two of them may have the same name. */
export const MOST_CHOSEN = 20; // The protocol's limit.

export class ChosenPeople {
  #names = new Map(); // By id.

  add({ id, name }) {
    this.#names.delete(id); // The one chosen last counts last.
    this.#names.set(id, name);
  }

  /** The ids of those whom a text still names. */
  in(text) {
    return [...this.#names].filter(([, name]) => text.includes(`@${name}`)).map(([id]) => id).slice(-MOST_CHOSEN);
  }

  forget() {
    this.#names.clear();
  }
}

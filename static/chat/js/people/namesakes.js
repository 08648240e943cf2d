/** Numbers people whose names are the same or look alike, in the order in which this page has met them. */
import { putBounded } from "../kit/bounded.js";
import { fold, namesakeKey } from "../kit/names.js";

export class Namesakes {
  #idsOfName = new Map(); // folded name -> the ids of all who have it. Names that look alike share one Set.
  #nameOfMember = new Map();
  #most;

  /** Knows at most `most` names. */
  constructor(most) {
    this.#most = most;
  }

  /** Returns whether a number has changed. */
  meet(people) {
    let isChanged = false;
    for (const { id, name } of people) {
      const folded = fold(name);
      if (!this.#idsOfName.has(folded)) putBounded(this.#idsOfName, folded, new Set(), this.#most);
      const ids = this.#idsOfName.get(folded);
      isChanged ||= ids.size > 0 && !ids.has(id);
      ids.add(id);
    }
    return isChanged;
  }

  /** The same for present members, with the server's `like`: an earlier member whose name looks the same. It knows the letters of all scripts. */
  meetMembers(members) {
    let isChanged = this.meet(members);
    for (const { id, name } of members) this.#nameOfMember.set(id, fold(name));
    for (const { name, like } of members) if (like && this.#join(like, fold(name))) isChanged = true;
    return isChanged;
  }

  forget(id) {
    this.#nameOfMember.delete(id);
  }

  /** From 2 on, by `namesakeKey`. The first has no number. */
  get numbers() {
    const numbers = new Map();
    for (const [name, ids] of this.#idsOfName) {
      [...ids].forEach((id, index) => index && numbers.set(namesakeKey(id, name), index + 1));
    }
    return numbers;
  }

  /** The people called `name` come after those who share the name of the member `like`. */
  #join(like, name) {
    const earlier = this.#nameOfMember.get(like) ?? name;
    const ids = this.#idsOfName.get(name);
    const theirs = this.#idsOfName.get(earlier);
    if (ids === theirs && ids.has(like)) return false;
    const all = new Set([...(ids === theirs ? [like] : theirs), ...ids]);
    for (const [other, known] of this.#idsOfName) if (known === ids || known === theirs) this.#idsOfName.set(other, all);
    return true;
  }
}

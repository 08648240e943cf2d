/** Gives people whose avatars would look alike different colours, in this room. */
import { hueOf } from "../kit/names.js";

const APART = [24, 16, 8]; // Degrees between two people: the first that leaves a place.
const MOST = 24; // Of more people, everybody has their own colour.
const STEP = 6;

export class Hues {
  #given = new Map(); // id -> hue

  /** Gives each a colour: their own, or the next one that nobody else has. They keep it until the page is left. */
  give(people) {
    const ids = people.map(({ id }) => id).filter((id) => id && !this.#given.has(id));
    // Sorted, so that tabs that begin with the same people have the same colours.
    for (const id of ids.sort()) {
      if (this.#given.size >= MOST) return;
      const own = hueOf(id);
      const hue = this.#free(own);
      this.#given.set(id, hue);
      if (hue !== own) document.documentElement.style.setProperty(`--hue-${id}`, String(hue));
    }
  }

  clear() {
    for (const id of this.#given.keys()) document.documentElement.style.removeProperty(`--hue-${id}`);
    this.#given.clear();
  }

  #free(own) {
    const others = [...this.#given.values()];
    for (const apart of APART) {
      for (let off = 0; off <= 180; off += STEP) {
        const near = [(own + off) % 360, (own - off + 360) % 360];
        const free = near.find((hue) => others.every((other) => distance(hue, other) >= apart));
        if (free !== undefined) return free;
      }
    }
    return own;
  }
}

function distance(one, other) {
  const apart = Math.abs(one - other);
  return Math.min(apart, 360 - apart);
}

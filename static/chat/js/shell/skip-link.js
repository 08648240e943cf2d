/** Moves the focus to the composer. The URL stays the same, because its fragment is the filter. */
import { listen } from "../kit/dom.js";

/** @param {Mounting} at */
export function mount({ root }) {
  return listen(root, "click", (event) => {
    event.preventDefault();
    document.getElementById(root.hash.slice(1))?.focus();
  });
}

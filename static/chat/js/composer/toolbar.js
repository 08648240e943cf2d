/**
 * The buttons that write markup. One of them is a stop of the Tab key, arrow keys move between them. Where there is little room or a finger, a
 * button beside the field shows them.
 */
import { listen, slot } from "../kit/dom.js";
import { openStore } from "../kit/store.js";
import { format } from "./formats.js";

const KEY = "toolbar";

/** @param {Mounting} at */
export function mount({ root }) {
  const store = openStore("localStorage");
  const form = root.closest("form");
  const field = form.elements.body;
  const opener = slot(form, "toolbar");
  /** @type {HTMLElement[]} */
  const buttons = [...root.querySelectorAll("[data-format]")];

  const ends = [
    listen(root, "click", ({ target }) => use(target.closest("[data-format]"))),
    listen(root, "keydown", move),
    listen(opener, "click", () => {
      const isOpen = opener.getAttribute("aria-expanded") === "false";
      store.set(KEY, isOpen);
      show(isOpen);
    }),
    // A press leaves the focus, and a phone's keyboard, where it is.
    ...[root, opener].map((element) => listen(element, "mousedown", (event) => event.preventDefault())),
  ];
  show(store.get(KEY) === true);
  stopAt(buttons[0]);

  function use(button) {
    if (!button) return;
    stopAt(button);
    format(field, button.dataset.format);
  }

  function show(isOpen) {
    opener.setAttribute("aria-expanded", String(isOpen));
    root.classList.toggle("is-open", isOpen);
  }

  function move(event) {
    const forward = document.documentElement.dir === "rtl" ? -1 : 1;
    const at = buttons.indexOf(event.target);
    const to = { ArrowRight: at + forward, ArrowLeft: at - forward, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const button = buttons.at(to % buttons.length) ?? buttons[0];
    stopAt(button);
    button.focus();
  }

  function stopAt(stop) {
    for (const button of buttons) button.tabIndex = button === stop ? 0 : -1;
  }

  return function unmount() {
    ends.forEach((end) => end());
  };
}

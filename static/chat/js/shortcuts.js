/** The sheet of keyboard shortcuts: `?` outside of a text, Ctrl+/ anywhere. */
import { HELP_CLOSED } from "./events.js";
import { listen } from "./lib/dom.js";

export function mount({ events, root }) {
  const modal = bootstrap.Modal.getOrCreateInstance(root);
  let before = null; // What had the focus.

  const ends = [
    // Before the composer, which takes what is typed outside of a text.
    listen(document, "keydown", hear, { capture: true }),
    listen(root, "show.bs.modal", () => (before = document.activeElement)),
    listen(root, "hidden.bs.modal", () => {
      if (before?.isConnected && before !== document.body && !before.closest(".modal")) before.focus();
      else events.publish(HELP_CLOSED);
    }),
  ];
  nameKeysAsHere();

  function hear(event) {
    const isCommand = event.ctrlKey || event.metaKey;
    const isAsked = isCommand ? event.key === "/" : event.key === "?" && !event.altKey && !takesText(event.target);
    if (!isAsked || event.isComposing) return;
    const other = document.querySelector(".modal.show, .offcanvas-md.show, dialog[open]");
    if (other && other !== root) return; // One thing at a time has the focus.
    event.preventDefault();
    event.stopPropagation();
    modal.toggle();
  }

  /** What is Ctrl and Alt elsewhere has signs of its own on Apple's keyboards. */
  function nameKeysAsHere() {
    if (!/Mac|iPhone|iPad/.test(navigator.platform)) return;
    const names = { command: "⌘", option: "⌥" };
    for (const key of root.querySelectorAll("[data-key]")) key.textContent = names[key.dataset.key];
  }

  return function unmount() {
    ends.forEach((end) => end());
    bootstrap.Modal.getInstance(root)?.dispose();
  };
}

function takesText(target) {
  return Boolean(target.closest?.("input, textarea, select, [contenteditable]"));
}

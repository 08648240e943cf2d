/**
 * On narrow screens the sidebar slides over the messages and keeps the focus inside. It is a popover: a button opens it (`popovertarget`),
 * Escape, a tap beside it and a choice in it close it.
 */
import { OPEN_SCREEN_NAME, subscribeAll } from "../app/events.js";
import { listen } from "../kit/dom.js";

const WIDE = matchMedia("(min-width: 768px)"); // Then it is beside the messages (sidebar.css).

/** @param {Mounting} at */
export function mount({ events, root }) {
  /** @type {any} */
  const opener = document.querySelector(`[popovertarget="${root.id}"]:not([popovertargetaction])`);
  const rest = [...root.parentElement.children, document.querySelector(".skip-link")].filter((element) => element !== root);

  const ends = [
    subscribeAll(events, { [OPEN_SCREEN_NAME]: close }),
    // Not for the button beside a member: the reader may add more members to the filter.
    listen(root, "click", ({ target }) => target.closest("a") && close()),
    listen(root, "beforetoggle", ({ target, newState }) => target === root && newState === "closed" && cover(false)),
    listen(root, "toggle", ({ target, newState }) => target === root && (newState === "open" ? enter() : leave())),
    listen(WIDE, "change", close),
  ];

  function close() {
    if (root.matches(":popover-open")) root.hidePopover();
  }

  function enter() {
    root.focus();
    cover(true);
  }

  /** Returns the focus to the button, unless a dialog has it. */
  function leave() {
    if (!document.querySelector("dialog[open]")) opener.focus();
  }

  function cover(isOpen) {
    for (const element of rest) element.inert = isOpen;
    for (const [name, value] of [["role", "dialog"], ["aria-modal", "true"]]) {
      if (isOpen) root.setAttribute(name, value);
      else root.removeAttribute(name);
    }
  }

  return function unmount() {
    close();
    ends.forEach((end) => end());
  };
}

/**
 * The page's menu, for messages, people and rooms: opens beside the button that requests it and publishes the chosen entry.
 *
 * The entries are in the template: `data-entry` names one, `data-for` lists the kinds of subject, `data-needs` the required
 * traits. A module adds its entry there and listens to `menu:chosen`.
 */
import { MENU_CHOSEN, OPEN_MENU, ROOM_CHANGED, ROOM_WELCOMED, SESSION_CHANGED, subscribeAll } from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { placeBeside } from "../kit/popover.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const home = root.parentElement;
  let isModerator = false;
  let isLocked = false;
  let opened = null; // The payload of the request that opened it.
  let pressed = null; // The button that was pressed while its menu was open, which closes the menu.

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED]: (session) => (isModerator = session.isModerator),
      [ROOM_WELCOMED]: ({ room }) => (isLocked = Boolean(room.locked)),
      [ROOM_CHANGED]: ({ room }) => (isLocked = Boolean(room.locked)),
      [OPEN_MENU]: open,
    }),
    listen(root, "click", ({ target }) => choose(target.closest("[data-entry]"))),
    listen(root, "keydown", move),
    listen(root, "focusout", ({ relatedTarget }) => !root.contains(relatedTarget) && close()),
    listen(document, "pointerdown", ({ target }) => (pressed = opened?.anchor.contains(target) ? opened.anchor : null), { capture: true }),
    listen(window, "resize", () => opened && follow(document)), // A phone's keyboard opens or closes.
    listen(document, "scroll", ({ target }) => opened && target.contains(opened.anchor) && follow(target), { capture: true }),
    listen(root, "toggle", ({ newState }) => newState === "closed" && forget()),
  ];

  function open(asked) {
    const isAgain = (opened?.anchor ?? pressed) === asked.anchor;
    pressed = null;
    close();
    if (isAgain) return;
    const traits = new Set([...asked.traits, asked.kind, isModerator && "moderator", (isModerator || !isLocked) && "writable"]);
    for (const entry of root.querySelectorAll("[data-entry]")) {
      const needs = (entry.dataset.needs ?? "").split(" ").filter(Boolean);
      entry.hidden = !entry.dataset.for.split(" ").includes(asked.kind) || !needs.every((need) => traits.has(need));
      if (entry.dataset.mark) entry.setAttribute("aria-checked", String(traits.has(entry.dataset.mark)));
    }
    if (!shown().length) return;
    setText(slot(root, "note"), asked.note ?? "");
    slot(root, "note").hidden = !asked.note;
    opened = asked;
    // Also moves it beside the button in the document, for Tab, and for a dialog or sidebar that keeps the focus inside.
    asked.anchor.after(root);
    asked.anchor.setAttribute("aria-expanded", "true");
    root.showPopover();
    placeBeside(root, asked.anchor.getBoundingClientRect());
    shown()[0].focus();
  }

  /** Keeps the menu at its anchor while that is visible: new messages also scroll the list. */
  function follow(scroller) {
    if (!opened.anchor.checkVisibility()) return close();
    const anchor = opened.anchor.getBoundingClientRect();
    const view = (scroller.documentElement ?? scroller).getBoundingClientRect();
    if (anchor.bottom < view.top || anchor.top > view.bottom) close();
    else placeBeside(root, anchor);
  }

  function shown() {
    return [...root.querySelectorAll("[data-entry]:not([hidden])")];
  }

  function move(event) {
    const entries = shown();
    const index = entries.indexOf(document.activeElement);
    const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    entries.at(to % entries.length).focus();
  }

  function choose(entry) {
    if (!entry || !opened) return;
    const { kind, subject, anchor } = opened;
    close();
    anchor.focus();
    events.publish(MENU_CHOSEN, { entry: entry.dataset.entry, value: entry.dataset.value ?? null, kind, subject, anchor });
  }

  function close() {
    if (opened && root.matches(":popover-open")) root.hidePopover();
    forget();
  }

  function forget() {
    opened?.anchor.setAttribute("aria-expanded", "false");
    opened = null;
  }

  return function unmount() {
    close();
    home.append(root);
    ends.forEach((end) => end());
  };
}

/**
 * The one menu of the page, for messages, members and the room: opens beside whatever asks for it, and says what was chosen.
 *
 * Its entries stand in the template: `data-entry` names one, `data-for` the kinds of thing that it is for, `data-needs` the traits that the
 * thing must have. A module adds functionality by adding its entry there and listening to `menu:chosen`.
 */
import { MENU_CHOSEN, OPEN_MENU, ROOM_CHANGED, ROOM_WELCOMED, subscribeAll } from "./events.js";
import { listen } from "./lib/dom.js";
import { placeBeside } from "./lib/popover.js";

export function mount({ events, root }) {
  const home = root.parentElement;
  let isModerator = false;
  let isLocked = false;
  let opened = null; // The payload that asked for it.

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED](welcome) {
        isModerator = Boolean(welcome.moderator);
        isLocked = Boolean(welcome.room.locked);
      },
      [ROOM_CHANGED]: ({ room }) => (isLocked = Boolean(room.locked)),
      [OPEN_MENU]: open,
    }),
    listen(root, "click", ({ target }) => choose(target.closest("[data-entry]"))),
    listen(root, "keydown", move),
    listen(root, "focusout", ({ relatedTarget }) => !root.contains(relatedTarget) && close()),
    listen(window, "resize", close),
    listen(document, "scroll", ({ target }) => opened && target.contains(opened.anchor) && follow(target), { capture: true }),
    listen(root, "toggle", ({ newState }) => newState === "closed" && forget()),
  ];

  function open(asked) {
    const isAgain = opened?.anchor === asked.anchor;
    close();
    if (isAgain) return;
    const traits = new Set([...asked.traits, asked.kind, isModerator && "moderator", (isModerator || !isLocked) && "writable"]);
    for (const entry of root.querySelectorAll("[data-entry]")) {
      const needs = (entry.dataset.needs ?? "").split(" ").filter(Boolean);
      entry.hidden = !entry.dataset.for.split(" ").includes(asked.kind) || !needs.every((need) => traits.has(need));
      if (entry.dataset.mark) entry.setAttribute("aria-checked", String(traits.has(entry.dataset.mark)));
    }
    if (!shown().length) return;
    opened = asked;
    // Beside it in the document, too: for Tab, and for a dialog or a sidebar that keeps the focus inside.
    asked.anchor.after(root);
    asked.anchor.setAttribute("aria-expanded", "true");
    root.showPopover();
    placeBeside(root, asked.anchor.getBoundingClientRect());
    shown()[0].focus();
  }

  /** Messages that arrive scroll the list, too: the menu stays with its anchor as long as that is to be seen. */
  function follow(scroller) {
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

/** The dialog that goes to a date: to the first message of this day, or of the next one that has messages. */
import { SHOW_MESSAGE, request } from "../app/events.js";
import { makeDialog } from "../kit/dialog.js";
import { listen, setText, slot } from "../kit/dom.js";
import { oneRequest } from "../kit/one-request.js";
import { dayStart, isoDay } from "../kit/time.js";
import { readWords } from "../kit/words.js";
import { dayShown } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, has } = readWords(root);
  const form = root.querySelector("form");
  const { day } = form.elements;
  const dialog = makeDialog(root, { first: day });
  let shown = 0; // The time of the first message on the screen.
  const { ask, cancel } = oneRequest((command, answered) => request(events, command, answered), say, has);

  const ends = [
    dayShown.listen(({ at }) => (shown = at)),
    listen(document, "click", ({ target }) => target.closest?.(`[data-dialog="${root.id}"]`) && prepare()),
    listen(form, "submit", (event) => {
      event.preventDefault();
      lookUp();
    }),
    listen(form, "input", () => say(null)),
    listen(root, "close", cancel),
  ];

  function prepare() {
    say(null);
    day.max = isoDay(Date.now());
    day.value = isoDay(shown || Date.now());
  }

  function lookUp() {
    if (!day.value) return say("missing");
    ask({ type: "history", at: dayStart(day.value), limit: 1 }, show);
  }

  function show(page) {
    if (!page.messages.length) return say("none");
    // Closing gives the focus back in a later task. After it, the message gets the focus.
    root.addEventListener("close", () => go(page.messages[0].seq), { once: true });
    dialog.hide();
  }

  function go(seq) {
    const fragment = `#message/${seq}`;
    if (location.hash === fragment) events.publish(SHOW_MESSAGE, { seq });
    else location.hash = fragment;
  }

  function say(key) {
    day.toggleAttribute("aria-invalid", key !== null);
    setText(slot(root, "problem"), key ? word(key) : "");
  }

  return function unmount() {
    ends.forEach((stop) => stop());
    cancel();
    dialog.end();
  };
}

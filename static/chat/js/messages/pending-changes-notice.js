/** The notice for an edit, a deletion or a reaction that failed: gives the reason and keeps the text, even if the message isn't loaded. */
import { AMENDMENTS_CHANGED, EDIT_AGAIN, FILL_COMPOSER, subscribeAll } from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { countdown } from "../kit/time.js";
import { readWords } from "../kit/words.js";
import { discardAmendment, retryAmendment } from "./signals.js";

const HOPELESS = new Set(["edited_meanwhile", "no_such_message"]); // The server would refuse a repetition, too.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, plural, has } = readWords(root);
  let entry = null; // The oldest entry to report.
  let stopCountdown = () => {};

  const ends = [
    subscribeAll(events, {
      [AMENDMENTS_CHANGED]({ entries }) {
        show(entries.find(({ state }) => state === "failed") ?? entries.find(({ retryAt }) => retryAt) ?? null);
      },
    }),
    listen(slot(root, "retry"), "click", () => retryAmendment.emit({ id: entry.id })),
    listen(slot(root, "again"), "click", () => {
      const { id, seq, body, base, code } = entry;
      discardAmendment.emit({ id });
      if (code === "no_such_message") events.publish(FILL_COMPOSER, { body });
      else events.publish(EDIT_AGAIN, { seq, body, base: code === "edited_meanwhile" ? undefined : base }); // The reader has seen the other edit.
    }),
    listen(slot(root, "discard"), "click", () => discardAmendment.emit({ id: entry.id })),
  ];

  function show(next) {
    stopCountdown();
    entry = next;
    root.hidden = !entry;
    if (!entry) return;
    const isFailed = entry.state === "failed";
    const hasWords = isFailed && entry.type === "edit";
    slot(root, "reason").ariaLive = isFailed ? "polite" : "off"; // Screen readers must not read the seconds.
    setText(slot(root, "reason"), isFailed ? reason() : "");
    if (!isFailed) stopCountdown = countdown(entry.retryAt, (seconds) => setText(slot(root, "reason"), plural("wait", seconds)));
    setText(slot(root, "words"), hasWords ? entry.body : "");
    slot(root, "link").href = `#message/${entry.seq}`;
    slot(root, "link").hidden = !isFailed;
    slot(root, "retry").hidden = !isFailed || HOPELESS.has(entry.code);
    slot(root, "again").hidden = !hasWords;
    setText(slot(root, "again"), word(entry.code === "no_such_message" ? "as-new" : "again"));
    slot(root, "discard").hidden = !isFailed;
  }

  function reason() {
    const { type, code } = entry;
    const key = [`${type}-${code}`, code, type].find(has);
    return `${word(`failed-${type}`)} ${key ? word(key) : ""}`.trim();
  }

  return function unmount() {
    ends.forEach((end) => end());
    stopCountdown();
  };
}

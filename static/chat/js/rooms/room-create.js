/**
 * The dialog that creates a room: asks for a name, suggests an address, and goes to the new room.
 *
 * If another room has the suggested address, it suggests a free one and links to that room: perhaps that is the one that was meant.
 */
import { GO_TO_ROOM, request } from "../app/events.js";
import { cleanLine } from "../kit/clean.js";
import { makeDialog } from "../kit/dialog.js";
import { listen, setText, slot } from "../kit/dom.js";
import { isSlug, proposeSlug, randomSuffix, roomURL, slugOf } from "../kit/room-names.js";
import { readWords } from "../kit/words.js";
import { create } from "./signals.js";

const FIELD_OF = { room_exists: "slug", slug_invalid: "slug", title_invalid: "title" };

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, has } = readWords(root);
  const form = root.querySelector("form");
  const { title, slug, topic } = form.elements;
  const dialog = makeDialog(root, { first: title });
  let isProposed = true; // The user hasn't edited the address, so it follows the name.
  let suffix = ""; // Of the suggested address, the same while the dialog is open.
  let taken = new Set(); // Suggested addresses that other rooms have.
  let callOff = null; // Cancels the pending request.

  const ends = [
    create.listen(open),
    listen(title, "input", () => {
      if (isProposed) propose();
      preview();
    }),
    listen(slug, "input", () => {
      isProposed = !slug.value;
      preview();
    }),
    // Corrects unambiguous mistakes, but not while the user types.
    listen(slug, "change", () => {
      slug.value = slugOf(slug.value);
      preview();
    }),
    listen(form, "input", () => clearProblems()),
    listen(form, "submit", (event) => {
      event.preventDefault();
      submit();
    }),
    listen(root, "close", end),
  ];

  function open({ title: wanted }) {
    form.reset();
    clearProblems();
    title.value = wanted;
    suffix = randomSuffix();
    taken = new Set();
    isProposed = true;
    propose();
    preview();
    dialog.show();
  }

  function propose() {
    slug.value = proposeSlug(title.value, suffix, taken);
  }

  function preview() {
    setText(slot(root, "address"), isSlug(slug.value) ? `${location.host}${roomURL(slug.value)}` : "");
  }

  function submit() {
    if (callOff) return;
    clearProblems();
    if (!cleanLine(title.value)) return complain("title", "title_invalid");
    if (!isSlug(slug.value)) return complain("slug", "slug_invalid");
    const wanted = { slug: slug.value, title: cleanLine(title.value), topic: cleanLine(topic.value) };
    callOff = request(events, { type: "make", ...wanted }, take, { offline: "later", progress });
  }

  function progress(isSent) {
    say(isSent ? "sent" : "offline");
  }

  function take(answer) {
    end();
    if (answer.type === "made") events.publish(GO_TO_ROOM, { slug: answer.room.slug });
    else if (answer.code === "room_exists" && isProposed) proposeAnother();
    else if (FIELD_OF[answer.code]) complain(FIELD_OF[answer.code], answer.code);
    else say(has(`refused-${answer.code}`) ? `refused-${answer.code}` : "refused");
  }

  function proposeAnother() {
    const address = slug.value;
    clearProblems();
    if (taken.has(slugOf(title.value))) suffix = randomSuffix();
    taken.add(slugOf(title.value));
    propose();
    preview();
    setText(slot(root, "slug-problem"), word("another", { address: roomURL(address) }));
    link(address);
    slug.focus();
  }

  function link(address) {
    slot(root, "visit").hidden = false;
    slot(root, "visit").href = roomURL(address);
  }

  function end() {
    callOff?.();
    callOff = null;
  }

  function complain(name, code) {
    clearProblems();
    const field = form.elements[name];
    field.setAttribute("aria-invalid", "true");
    setText(slot(root, `${name}-problem`), word(`refused-${code}`));
    if (code === "room_exists") link(slug.value);
    field.focus();
  }

  /** Clears the problems shown at the fields. */
  function clearProblems() {
    for (const name of ["title", "slug"]) {
      form.elements[name].removeAttribute("aria-invalid");
      setText(slot(root, `${name}-problem`), "");
    }
    slot(root, "visit").hidden = true;
    setText(slot(root, "status"), "");
  }

  function say(key) {
    setText(slot(root, "status"), word(key));
  }

  return function unmount() {
    ends.forEach((stop) => stop());
    end();
    dialog.end();
  };
}

/** Shows the result of a moderator's command if the room itself doesn't show it. */
import { listen, setText, slot } from "../kit/dom.js";
import { readWords } from "../kit/words.js";
import { moderated } from "./signals.js";

const SHOWN_MS = 8_000;

/** @param {Mounting} at */
export function mount({ root }) {
  const { word } = readWords(root);
  let shown = null;
  let timer = null;

  const ends = [
    moderated.listen((outcome) => {
      if (outcome.word) show(outcome);
      else if (shown === "offline") hide();
    }),
    listen(slot(root, "close"), "click", hide),
  ];

  function show({ word: key, name = "" }) {
    clearTimeout(timer);
    shown = key;
    setText(slot(root, "text"), word(key, { name }));
    slot(root, "bar").hidden = false;
    if (key !== "offline") timer = setTimeout(hide, SHOWN_MS); // Otherwise it stays until the command is answered.
  }

  function hide() {
    clearTimeout(timer);
    shown = null;
    slot(root, "bar").hidden = true;
    setText(slot(root, "text"), "");
  }

  return function unmount() {
    ends.forEach((end) => end());
    hide();
  };
}

/** Shows the result of a moderator's command if the room itself doesn't show it. */
import { listen, setText, slot } from "../kit/dom.js";
import { readWords } from "../kit/words.js";
import { moderated } from "./signals.js";

const LASTING = ["offline", "deleting"]; // They stay until the command is answered.
const SHOWN_MS = 8_000;

/** @param {Mounting} at */
export function mount({ root }) {
  const { word, plural } = readWords(root);
  let shown = null;
  let timer = null;

  const ends = [
    moderated.listen((outcome) => {
      if (outcome.word) show(outcome);
      else if (LASTING.includes(shown)) hide();
    }),
    listen(slot(root, "close"), "click", hide),
  ];

  function show(outcome) {
    const { word: key, name = "", count } = outcome;
    clearTimeout(timer);
    shown = key;
    setText(slot(root, "text"), count === undefined ? word(key, { name }) : plural(key, count, { name }));
    slot(root, "bar").hidden = false;
    if (!LASTING.includes(key)) timer = setTimeout(hide, SHOWN_MS);
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

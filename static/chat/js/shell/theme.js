/** The theme: light, dark or system. theme-early.js applies the choice before the first paint. */
import { listen, setText, slot } from "../kit/dom.js";
import { openStore } from "../kit/store.js";
import { readWords } from "../kit/words.js";

const KEY = "theme";
const CHOICES = ["system", "light", "dark"];

/** @param {Mounting} at */
export function mount({ root }) {
  const store = openStore("localStorage");
  const { word } = readWords(root);
  const system = matchMedia("(prefers-color-scheme: dark)");
  let choice = CHOICES.includes(store.get(KEY)) ? store.get(KEY) : "system";

  function apply() {
    const isDark = choice === "dark" || (choice === "system" && system.matches);
    document.documentElement.dataset.bsTheme = isDark ? "dark" : "light";
    // A phone's bar above the page must have the page's colour, not the system's.
    const canvas = getComputedStyle(document.documentElement).getPropertyValue("--canvas").trim();
    for (const meta of document.querySelectorAll("meta[name=theme-color]")) meta.setAttribute("content", canvas);
    root.dataset.choice = choice;
    setText(slot(root, "label"), word(choice));
    root.title = word(choice);
  }

  const ends = [
    listen(system, "change", apply),
    listen(root, "click", () => {
      choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length];
      store.set(KEY, choice);
      apply();
    }),
  ];
  apply();
  return () => ends.forEach((end) => end());
}

/** Light, dark, or as the system has it. theme-early.js puts the choice in place before the page is painted. */
import { listen, setText, slot } from "./lib/dom.js";
import { openStore } from "./lib/store.js";
import { readWords } from "./lib/words.js";

const KEY = "theme";
const CHOICES = ["system", "light", "dark"];

export function mount({ root }) {
  const store = openStore("localStorage");
  const { word } = readWords(root);
  const system = matchMedia("(prefers-color-scheme: dark)");
  let choice = CHOICES.includes(store.get(KEY)) ? store.get(KEY) : "system";

  function apply() {
    const isDark = choice === "dark" || (choice === "system" && system.matches);
    document.documentElement.dataset.bsTheme = isDark ? "dark" : "light";
    // A phone's own bar above the page has the page's colour, not the system's.
    const canvas = getComputedStyle(document.documentElement).getPropertyValue("--canvas").trim();
    for (const meta of document.querySelectorAll("meta[name=theme-color]")) meta.content = canvas;
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

/** The theme: light, dark or system. theme-early.js applies the choice before the first paint. In a frame, the page around it chooses. */
import { HOST_THEME_CHANGED, subscribeAll } from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { openStore } from "../kit/store.js";
import { readWords } from "../kit/words.js";

const KEY = "theme";
const CHOICES = ["system", "light", "dark"];

/** @param {Mounting} at */
export function mount({ events, root }) {
  const store = openStore("localStorage");
  const { word } = readWords(root);
  const system = matchMedia("(prefers-color-scheme: dark)");
  let choice = CHOICES.includes(store.get(KEY)) ? store.get(KEY) : "system";

  let given = document.documentElement.dataset.hostTheme;

  function apply() {
    const wanted = given ?? choice;
    const isDark = wanted === "dark" || (wanted === "system" && system.matches);
    document.documentElement.dataset.bsTheme = isDark ? "dark" : "light";
    // A phone's bar above the page must have the page's colour, not the system's.
    const canvas = getComputedStyle(document.documentElement).getPropertyValue("--canvas").trim();
    for (const meta of document.querySelectorAll("meta[name=theme-color]")) meta.setAttribute("content", canvas);
    root.dataset.choice = choice;
    setText(slot(root, "label"), word(choice));
    root.title = word(choice);
  }

  const ends = [
    subscribeAll(events, {
      [HOST_THEME_CHANGED]({ theme }) {
        given = theme;
        apply();
      },
    }),
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

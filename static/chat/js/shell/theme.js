/**
 * The theme: light, dark or system, chosen by a button or, on a phone, in the room's menu. theme-early.js applies it before the first paint. In a
 * frame, the page around it chooses.
 */
import { HOST_THEME_CHANGED, MENU_CHOSEN, subscribeAll } from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { openStore } from "../kit/store.js";
import { readWords } from "../kit/words.js";

const KEY = "theme";
const CHOICES = ["system", "light", "dark"];

/** @param {Mounting} at */
export function mount({ events, root }) {
  const store = openStore("localStorage");
  const { word } = readWords(root);
  /** @type {NodeListOf<HTMLElement>} */
  const entries = document.querySelectorAll("[data-entry=theme]"); // In the room's menu.
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
    for (const entry of entries) entry.setAttribute("aria-checked", String(entry.dataset.value === choice));
    setText(slot(root, "label"), word(choice));
    root.title = word(choice);
  }

  function choose(value) {
    choice = value;
    store.set(KEY, choice);
    apply();
  }

  const ends = [
    subscribeAll(events, {
      [HOST_THEME_CHANGED]({ theme }) {
        given = theme;
        apply();
      },
      [MENU_CHOSEN]: ({ entry, value }) => entry === "theme" && choose(value),
    }),
    listen(system, "change", apply),
    listen(root, "click", () => choose(CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length])),
  ];
  apply();
  return () => ends.forEach((end) => end());
}

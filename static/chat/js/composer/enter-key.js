/** Whether Enter sends: as the reader chose, else everywhere but on a touch screen, whose keyboard has no Shift+Enter. */
import { ON_SCREEN_KEYBOARD } from "../kit/keys.js";
import { openStore } from "../kit/store.js";

export const KEY = "enter-sends";
export const store = openStore("localStorage");

export function enterSends() {
  return store.get(KEY) ?? !ON_SCREEN_KEYBOARD.matches;
}

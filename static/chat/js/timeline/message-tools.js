/** A message's actions: the traits for its menu, and the keys for its entries. */
import { typesText } from "../kit/keys.js";

const KEYS = { r: "reply", e: "edit", "+": "react" };

/** The traits of `message` for the member `me`, for the menu's `data-needs`. */
export function traitsOf(message, me) {
  return [message.author.id === me ? "own" : "others", message.deleted ? "deleted" : "standing"];
}

/** The menu entry for a key pressed in `message`, if the member `me` may use it. Keyboard focus only: after a click, letters go to the composer. */
export function entryOfKey(event, message, me) {
  const { key, target } = event;
  if (!typesText(event) || !target.matches(":focus-visible")) return null;
  const entry = KEYS[key.toLowerCase()] ?? null;
  return message.deleted || (entry === "edit" && message.author.id !== me) ? null : entry;
}

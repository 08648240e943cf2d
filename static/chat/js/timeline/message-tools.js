/** A message's actions: the traits for its menu, and the keys for its entries. */
import { typesText } from "../kit/keys.js";

const KEYS = { r: "reply", e: "edit", "+": "react" };

/** What is so of `message` to the member `me`, for the menu's `data-needs`. */
export function traitsOf(message, me) {
  return [message.author.id === me ? "own" : "others", message.deleted ? "deleted" : "standing"];
}

/** The entry that a key pressed in `message` asks for, if the member `me` may. Only of the keyboard's own focus: after a click, letters are for the composer. */
export function entryOfKey(event, message, me) {
  const { key, target } = event;
  if (!typesText(event) || !target.matches(":focus-visible")) return null;
  const entry = KEYS[key.toLowerCase()] ?? null;
  return message.deleted || (entry === "edit" && message.author.id !== me) ? null : entry;
}

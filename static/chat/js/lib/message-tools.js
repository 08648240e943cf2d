/** What can be done with a message: what its menu must know, and which keys ask for an entry of it. */

const KEYS = { r: "reply", e: "edit", "+": "react" };

/** What is so of `message` to the member `me`, for the menu's `data-needs`. */
export function traitsOf(message, me) {
  return [message.author.id === me ? "own" : "others", message.deleted ? "deleted" : "standing"];
}

/** The entry that a key pressed in `message` asks for, if the member `me` may. Only of the keyboard's own focus: after a click, letters are for the composer. */
export function entryOfKey({ key, target, ctrlKey, metaKey, altKey }, message, me) {
  if (ctrlKey || metaKey || altKey || !target.matches(":focus-visible")) return null;
  const entry = KEYS[key.toLowerCase()] ?? null;
  return message.deleted || (entry === "edit" && message.author.id !== me) ? null : entry;
}

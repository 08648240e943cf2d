/** Interprets key events on the keyboards of all systems. */

export const IS_APPLE = /Mac|iP(hone|ad|od)/.test(navigator.platform);

export const ON_SCREEN_KEYBOARD = matchMedia("(hover: none) and (pointer: coarse)"); // It has no Shift+Enter.

/** Whether AltGr is held. Windows reports it as Ctrl and Alt, but it types characters and is part of no shortcut. */
export function hasAltGr(event) {
  return event.getModifierState?.("AltGraph") ?? false;
}

/** Whether Ctrl or Cmd is held for a shortcut. */
export function isCommand(event) {
  return (event.ctrlKey || event.metaKey) && !hasAltGr(event);
}

/** The Latin letter of a shortcut, also on a keyboard that types Greek or Cyrillic. */
export function letterOf({ key, code = "" }) {
  return /^[a-z]$/i.test(key) ? key.toLowerCase() : code.replace(/^Key(?=[A-Z]$)/, "").toLowerCase();
}

/** Whether the key types a character, or the accent of the next one. The space bar doesn't count: it scrolls and presses buttons. */
export function typesText(event) {
  const isText = event.key === "Dead" || ([...event.key].length === 1 && event.key !== " ");
  if (!isText || hasAltGr(event)) return isText;
  return !event.ctrlKey && !event.metaKey && (!event.altKey || IS_APPLE); // On a Mac, Option types characters.
}

export function hasModifier(event) {
  return event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || hasAltGr(event);
}

/** Whether `element` takes text input. */
export function takesText(element) {
  return Boolean(element.closest?.("input, textarea, select, [contenteditable]"));
}

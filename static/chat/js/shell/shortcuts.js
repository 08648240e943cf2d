/** The dialog of keyboard shortcuts: `?` outside text fields, Ctrl+/ anywhere. */
import { FOCUS_COMPOSER } from "../app/events.js";
import { isCovered, makeDialog } from "../kit/dialog.js";
import { listen } from "../kit/dom.js";
import { IS_APPLE, isCommand, takesText, typesText } from "../kit/keys.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const dialog = makeDialog(root, { first: root.querySelector(".dialog-body"), otherwise: () => events.publish(FOCUS_COMPOSER) });
  // In the capture phase, before the composer, which handles keys typed outside text fields.
  const end = listen(document, "keydown", onKeydown, { capture: true });
  nameKeysAsHere();

  function onKeydown(event) {
    const isAsked = isCommand(event) ? event.key === "/" : event.key === "?" && typesText(event) && !takesText(event.target);
    if (!isAsked || event.isComposing) return;
    if (isCovered() && !dialog.isShown()) return; // Another dialog has the focus.
    event.preventDefault();
    event.stopPropagation();
    dialog.toggle();
  }

  /** Replaces Ctrl and Alt by the symbols of Apple's keyboards. */
  function nameKeysAsHere() {
    if (!IS_APPLE) return;
    const names = { command: "⌘", option: "⌥" };
    for (const key of root.querySelectorAll("[data-key]")) key.textContent = names[key.dataset.key];
  }

  return function unmount() {
    end();
    dialog.end();
  };
}

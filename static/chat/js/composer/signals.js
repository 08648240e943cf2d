/** Signals between the modules of the composer. Facts for other areas go over the bus. */
import { signal } from "../kit/signal.js";

/**
 * Opens the formatting help.
 * @type {Signal<Page.Nothing>}
 */
export const openHelp = signal();

/**
 * The text in the field changed.
 * @type {Signal<{body: string}>}
 */
export const typed = signal();

/**
 * A person was chosen from the suggestions.
 * @type {Signal<{id: string, name: string}>}
 */
export const personChosen = signal();

/**
 * The borrowed field was sent. Its body may be empty. `mentions`: the people chosen for it.
 * @type {Signal<{body: string, mentions: string[]}>}
 */
export const submitted = signal();

/**
 * Puts `body` in the field instead of the draft, and `label` on the button.
 * @type {Signal<{body: string, label: string}>}
 */
export const borrow = signal();

/**
 * Restores the draft.
 * @type {Signal<Page.Nothing>}
 */
export const giveBack = signal();

/**
 * Sets fields that are sent with each message. `isNew`: the reader has just requested them.
 * @type {Signal<{context: {reply_to?: number}, isNew: boolean}>}
 */
export const setContext = signal();

/**
 * Whether Enter sends may have changed (`enter-key.js`).
 * @type {Signal<Page.Nothing>}
 */
export const enterKeyChanged = signal();

/**
 * Edits the last own message.
 * @type {Signal<Page.Nothing>}
 */
export const lastWanted = signal();

/** Signals between the modules of the composer. Facts for other areas go over the bus. */
import { signal } from "../kit/signal.js";

/**
 * What can be written shall be shown.
 * @type {Signal<Page.Nothing>}
 */
export const openHelp = signal();

/**
 * Something was written in the field.
 * @type {Signal<{body: string}>}
 */
export const typed = signal();

/**
 * The borrowed field was sent. Its body may be empty.
 * @type {Signal<{body: string}>}
 */
export const submitted = signal();

/**
 * Puts `body` in the field in the draft's stead, and `label` on the button.
 * @type {Signal<{body: string, label: string}>}
 */
export const borrow = signal();

/**
 * The draft comes back.
 * @type {Signal<Page.Nothing>}
 */
export const giveBack = signal();

/**
 * Fields that go with each message that is sent. `isNew`: the writer has just asked for it.
 * @type {Signal<{context: {reply_to?: number}, isNew: boolean}>}
 */
export const setContext = signal();

/**
 * The last own message shall be edited.
 * @type {Signal<Page.Nothing>}
 */
export const lastWanted = signal();

/** Signals between the modules of rooms. Facts for other areas go over the bus. */
import { signal } from "../kit/signal.js";

/**
 * Marks another room as read.
 * @type {Signal<{slug: string}>}
 */
export const markRead = signal();

/**
 * Removes a room from the list until it is visited again.
 * @type {Signal<{slug: string}>}
 */
export const forget = signal();

/**
 * Opens the dialog for a new room. `title` is the suggested name, and may be empty.
 * @type {Signal<{title: string}>}
 */
export const create = signal();

/**
 * Opens the dialog for this room's name and topic.
 * @type {Signal<Page.Nothing>}
 */
export const describe = signal();

/**
 * Opens the dialog with this room's topic.
 * @type {Signal<Page.Nothing>}
 */
export const openAbout = signal();

/**
 * Opens the room switcher.
 * @type {Signal<Page.Nothing>}
 */
export const openSwitcher = signal();

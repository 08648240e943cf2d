/** Signals between the modules of rooms. Facts for other areas go over the bus. */
import { signal } from "../kit/signal.js";

/**
 * Another room counts as read.
 * @type {Signal<{slug: string}>}
 */
export const markRead = signal();

/**
 * A room goes off the list, until it is visited again.
 * @type {Signal<{slug: string}>}
 */
export const forget = signal();

/**
 * Asks for a new room. `title` is proposed as its name, and may be empty.
 * @type {Signal<{title: string}>}
 */
export const create = signal();

/**
 * Asks for another name and topic of this room.
 * @type {Signal<Page.Nothing>}
 */
export const describe = signal();

/**
 * Shows what this room is about.
 * @type {Signal<Page.Nothing>}
 */
export const openAbout = signal();

/**
 * Shows the dialog that goes to a room.
 * @type {Signal<Page.Nothing>}
 */
export const openSwitcher = signal();

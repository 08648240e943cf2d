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
 * Pins, unpins, mutes or unmutes a room of the list.
 * @type {Signal<{slug: string, changes: {isPinned?: boolean, isMuted?: boolean}}>}
 */
export const arrange = signal();

/**
 * Sorts the list of rooms.
 * @type {Signal<{order: string}>}
 */
export const sortBy = signal();

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

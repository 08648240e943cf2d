/** Signals between the modules of the timeline. Facts for other areas go over the bus. */
import { signal } from "../kit/signal.js";

/**
 * Another message is the first on the screen, posted at the time `at`.
 * @type {Signal<{at: number}>}
 */
export const dayShown = signal();

/**
 * The loading of a page began or ended.
 * @type {Signal<{isLoading: boolean}>}
 */
export const loadingChanged = signal();

/**
 * Requests the next page of older messages.
 * @type {Signal<Page.Nothing>}
 */
export const loadOlder = signal();

/**
 * Requests the next page of newer messages.
 * @type {Signal<Page.Nothing>}
 */
export const loadNewer = signal();

/**
 * A message, or the one nearest to it, is in the view.
 * @type {Signal<Page.Reading>}
 */
export const messageShown = signal();

/**
 * This message, or the one nearest to it, has a node now.
 * @type {Signal<Page.Reading>}
 */
export const messageRendered = signal();

/**
 * Nodes were added or removed elsewhere than at the end. `hasBelow`: there are newer messages without nodes.
 * @type {Signal<{hasBelow: boolean}>}
 */
export const listRendered = signal();

/**
 * The first new message since the reader left, or null.
 * @type {Signal<{seq: number | null}>}
 */
export const dividerMoved = signal();

/**
 * The reader unfolded a long message, which may not be sent yet.
 * @type {Signal<{item: HTMLElement}>}
 */
export const messageUnfolded = signal();

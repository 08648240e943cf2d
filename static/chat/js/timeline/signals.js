/** Signals between the modules of the timeline. Facts for other areas go over the bus. */
import { signal } from "../kit/signal.js";

/**
 * An older page is on its way, or no longer.
 * @type {Signal<{isLoading: boolean}>}
 */
export const loadingChanged = signal();

/**
 * The next page of newer ones is wanted.
 * @type {Signal<Page.Nothing>}
 */
export const loadNewer = signal();

/**
 * A message is in the view, or what is nearest to it.
 * @type {Signal<Page.Reading>}
 */
export const messageShown = signal();

/**
 * It has a node now, or what is nearest to it.
 * @type {Signal<Page.Reading>}
 */
export const messageRendered = signal();

/**
 * Nodes have come or gone, not only at the end. `hasBelow`: newer ones are held that have no nodes.
 * @type {Signal<{hasBelow: boolean}>}
 */
export const listRendered = signal();

/**
 * The first message that is new since the reader left, or null.
 * @type {Signal<{seq: number | null}>}
 */
export const dividerMoved = signal();

/**
 * A long message was unfolded by its reader; it may still wait to be sent.
 * @type {Signal<{item: HTMLElement}>}
 */
export const messageUnfolded = signal();

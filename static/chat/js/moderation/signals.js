/** Signals between the modules of moderation. Facts for other areas go over the bus. */
import { signal } from "../kit/signal.js";

/**
 * The result of a moderator's command: the notice's text, or null if the room shows it. `name`: the member concerned. `count`: their deleted messages.
 * @type {Signal<{word: "banned" | "deleting" | "deleted" | "not-allowed" | "failed" | "offline" | null, name?: string, count?: number}>}
 */
export const moderated = signal();

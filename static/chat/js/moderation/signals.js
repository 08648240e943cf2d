/** What moderation's modules tell each other. Other areas hear of nothing here: that is what the bus is for. */
import { signal } from "../kit/signal.js";

/**
 * What has become of a moderator's command: a word of the notice, or null where the room shows it. `name`: of whom it is about.
 * @type {Signal<{word: "banned" | "not-allowed" | "failed" | "offline" | null, name?: string}>}
 */
export const moderated = signal();

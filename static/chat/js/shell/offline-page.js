/** Registers the worker that shows the offline page if a navigation fails (templates/chat/worker.js). */
import { ROOM_WELCOMED, subscribeAll } from "../app/events.js";
import { workerURL } from "./worker-url.js";

/** @param {Mounting} at */
export function mount({ events }) {
  let isDone = !navigator.serviceWorker; // Browsers have none without HTTPS, but on the machine itself.

  return subscribeAll(events, {
    // Once there is nothing more urgent to load.
    async [ROOM_WELCOMED]() {
      if (isDone) return;
      isDone = true;
      const { worker, home: scope } = document.body.dataset;
      try {
        await navigator.serviceWorker.register(workerURL(worker), { scope });
      } catch {
        // Storage is blocked, or a certificate is bad: then the browser's own page says that it is offline.
      }
    },
  });
}

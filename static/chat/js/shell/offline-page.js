/** Registers the worker that shows the offline page if a navigation fails (templates/chat/worker.js). */
import { ROOM_WELCOMED, subscribeAll } from "../app/events.js";
import { workerURL } from "./worker-url.js";

/** @param {Mounting} at */
export function mount({ events }) {
  let isDone = !navigator.serviceWorker; // Browsers have it only over HTTPS and on localhost.

  return subscribeAll(events, {
    // Waits until nothing more urgent is loading.
    async [ROOM_WELCOMED]() {
      if (isDone) return;
      isDone = true;
      const { worker, home: scope } = document.body.dataset;
      try {
        await navigator.serviceWorker.register(workerURL(worker), { scope });
      } catch {
        // Storage is blocked, or a certificate is invalid. Then the browser shows its own offline page.
      }
    },
  });
}

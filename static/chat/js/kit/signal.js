/** A signal between modules of one area: `emit(payload)` calls each listener. One that throws is reported and stops no other. */

/** @returns {Signal<any>} */
export function signal() {
  const listeners = new Set();

  function listen(handler) {
    const listener = { handler }; // The same function that listens twice is two listeners.
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  function emit(payload = {}) {
    Object.freeze(payload); // Listeners share it.
    for (const { handler } of [...listeners]) {
      try {
        handler(payload);
      } catch (error) {
        reportError(error);
      }
    }
  }

  return Object.freeze({ listen, emit });
}

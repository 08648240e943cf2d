/** A signal between modules of one area: `emit(payload)` calls each listener. If one throws, the error is reported and the others run. */

/** @returns {Signal<any>} */
export function signal() {
  const listeners = new Set();

  function listen(handler) {
    const listener = { handler }; // A function may listen twice.
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  function emit(payload = {}) {
    Object.freeze(payload); // The listeners share it.
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

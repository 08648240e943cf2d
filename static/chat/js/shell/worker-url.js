/** The URL of the service worker, in the form that the page's Trusted Types require. */
const { worker = "" } = document.body.dataset; // Read before the page contains others' input.
const WORKER = new URL(worker, location.href);
let policy;

/** The only script that may be registered as a worker. Any other throws. */
export function workerURL(address) {
  policy ??= window.trustedTypes?.createPolicy("chatty-worker", { createScriptURL: ours });
  return policy ? policy.createScriptURL(address) : ours(address);
}

function ours(address) {
  const { origin, pathname } = new URL(address, location.href);
  if (origin !== location.origin || pathname !== WORKER.pathname) throw new TypeError(`Not our worker: ${address}`);
  return address;
}

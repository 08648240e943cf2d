/** The address of our service worker, in the form that the page's Trusted Types ask for. */
let policy;

/** The one script that may be registered as a worker; anything else throws. */
export function workerURL(address) {
  policy ??= window.trustedTypes?.createPolicy("chatty-worker", { createScriptURL: ours });
  return policy ? policy.createScriptURL(address) : ours(address);
}

function ours(address) {
  const { origin, pathname } = new URL(address, location.href);
  if (origin !== location.origin || pathname !== "/worker.js") throw new TypeError(`Not our worker: ${address}`);
  return address;
}

/**
 * Where a navigation fails, answers with a page that says so, kept from when there was a network. It does nothing else: rooms and the server's
 * answers are never kept, and nothing waits for this worker.
 *
 * chat/installable.py renders it. Another build or language is another text, which browsers notice, and another cache.
 */
const CACHE = "{{ cache|escapejs }}";
const PAGE = "{{ page|escapejs }}";
const NEEDED = {{ needed|safe }}; // The page's own files.
const GATEWAY_ERRORS = [502, 503, 504]; // A proxy speaks: the server behind it isn't there.

self.addEventListener("install", (event) => {
  // No waiting for the last tab to close: what this worker answers is the same for pages of every build.
  event.waitUntil(keep().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  // No navigation preload: where one fails, Firefox shows its own page, whatever the worker answers. It stays on where an older worker wanted it.
  event.waitUntil(Promise.all([forgetOthers(), self.registration.navigationPreload?.disable()]));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(navigate(event));
  else if (NEEDED.includes(new URL(request.url).pathname)) event.respondWith(fetch(request).catch(() => kept(request)));
});

async function keep() {
  const cache = await caches.open(CACHE);
  await cache.addAll([PAGE, ...NEEDED].map((path) => new Request(path, { cache: "no-cache" })));
}

async function forgetOthers() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("chatty-offline-") && name !== CACHE).map((name) => caches.delete(name)));
}

async function navigate(event) {
  try {
    const answer = await fetch(event.request);
    return GATEWAY_ERRORS.includes(answer.status) ? ((await kept(PAGE)) ?? answer) : answer;
  } catch {
    return (await kept(PAGE)) ?? Response.error();
  }
}

async function kept(request) {
  return (await caches.open(CACHE)).match(request, { ignoreVary: true }); // The cache is of one language.
}

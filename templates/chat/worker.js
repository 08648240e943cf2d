/**
 * If a navigation fails, answers with the cached offline page. Also shows notifications if a page can't.
 * It does nothing else: it never caches rooms or answers, and nothing waits for it.
 *
 * chat/web/pwa.py renders it. Each build and language has its own text, which browsers notice, and its own cache.
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
  // No navigation preload: if it fails, Firefox shows its own page and ignores the worker's answer. An older worker may have left it on.
  event.waitUntil(Promise.all([forgetOthers(), self.registration.navigationPreload?.disable()]));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(navigate(event));
  else if (NEEDED.includes(new URL(request.url).pathname)) event.respondWith(fetch(request).catch(() => kept(request)));
});

// notify.js shows notifications through this worker where pages can't. A click on one leads to the room's tab, or opens one.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(lead(event.notification.data));
});

async function lead({ seq, url }) {
  const { pathname } = new URL(url, self.location);
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const tab = tabs.find((each) => new URL(each.url).pathname === pathname);
  if (!tab) return self.clients.openWindow(url);
  tab.postMessage({ seq });
  return tab.focus();
}

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

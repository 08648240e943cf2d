// Reloads a cached page of an older build. It is a classic script, the first of the page, because modules don't run if one is missing.
//
// Caches may keep the page for hours. After a deployment it then requests files of an older build, which a new container doesn't have. All files of
// the page belong to one build, so the whole page is loaded again, past the caches, under a new address.
(() => {
  const MARK = "fresh"; // The address's parameter: the number of tries, and a time.
  const TRIES = 3;
  const PAUSE = 1500; // ms for each earlier try. During a deployment, servers of two builds may answer in turn.

  const address = new URL(location.href);
  const tried = Number.parseInt(address.searchParams.get(MARK) ?? "", 10) || 0;
  if (address.searchParams.has(MARK)) {
    address.searchParams.delete(MARK);
    history.replaceState(history.state, "", address);
  }
  let isLeaving = tried >= TRIES;

  addEventListener(
    "error",
    ({ target }) => {
      if (target instanceof HTMLScriptElement) check(target.src);
      else if (target instanceof HTMLLinkElement && /\b(stylesheet|modulepreload)\b/.test(target.rel)) check(target.href);
    },
    true,
  );

  // Reloads only for a 404: a file that was blocked or lost on the network still exists.
  async function check(file) {
    if (isLeaving || new URL(file).origin !== location.origin) return;
    try {
      const { status } = await fetch(file, { method: "HEAD", cache: "no-store" });
      if (status === 404 && !isLeaving) leave();
    } catch {
      // Offline: the browser or the offline page reports it.
    }
  }

  function leave() {
    isLeaving = true;
    setTimeout(async () => {
      const fresh = new URL(location.href);
      fresh.searchParams.set(MARK, `${tried + 1}-${Date.now().toString(36)}`);
      await fetch(location.href, { cache: "reload" }).catch(() => {}); // The browser's own copy is renewed.
      location.replace(fresh);
    }, tried * PAUSE);
  }
})();

// A classic script, the first of the page: modules can't run where one of them is missing, and this must.
//
// Caches may keep the page for hours. After a deployment it then asks for files of an older build, and where the server is a new container, those
// are gone. All files of the page are of one build, so the page as a whole is loaded again, past the caches, under an address that none of them has.
(() => {
  const MARK = "fresh"; // In the address: how often that was tried, and a time.
  const TRIES = 3;
  const PAUSE = 1500; // ms for each try before. Servers of two builds may answer in turns while they are replaced.

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

  // What a browser blocks, or a network swallows, isn't gone.
  async function check(file) {
    if (isLeaving || new URL(file).origin !== location.origin) return;
    try {
      const { status } = await fetch(file, { method: "HEAD", cache: "no-store" });
      if (status === 404 && !isLeaving) leave();
    } catch {
      // No network: the browser or the offline page says so.
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

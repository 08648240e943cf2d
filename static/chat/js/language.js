/** The page's language. The choice is a cookie, because the server renders the words; the page is then loaded again. */
import { listen } from "./lib/dom.js";

const YEAR_SECONDS = 31_536_000;

export function mount({ root }) {
  const { cookie } = root.dataset;

  return listen(root, "click", ({ target }) => {
    const choice = target.closest?.("[data-language]");
    if (!choice || choice.hasAttribute("aria-current")) return;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `${cookie}=${choice.dataset.language}; path=/; max-age=${YEAR_SECONDS}; samesite=lax${secure}`;
    location.reload();
  });
}

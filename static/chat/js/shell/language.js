/** The page's language. The choice is a cookie, because the server renders the texts; then the page reloads. */
import { listen } from "../kit/dom.js";

const YEAR_SECONDS = 31_536_000;

/** @param {Mounting} at */
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

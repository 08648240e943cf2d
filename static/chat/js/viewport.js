/** Keeps the composer above an on-screen keyboard where the browser lays the keyboard over the page (iOS). */
import { listen } from "./lib/dom.js";

export function mount() {
  const view = window.visualViewport;
  if (!view) return () => {};
  const style = document.documentElement.style;

  function fit() {
    // Zoomed in, the visible part is small on purpose.
    if (view.scale > 1.01) style.removeProperty("--view-height");
    else style.setProperty("--view-height", `${view.height}px`);
  }

  const ends = [listen(view, "resize", fit)];
  return function unmount() {
    ends.forEach((end) => end());
    style.removeProperty("--view-height");
  };
}

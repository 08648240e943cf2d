/** Keeps the composer above an on-screen keyboard that covers the page (iOS). */
import { listen } from "../kit/dom.js";

export function mount() {
  return window.visualViewport ? follow(window.visualViewport) : () => {};
}

/** @param {VisualViewport} view */
function follow(view) {
  const style = document.documentElement.style;

  function fit() {
    // When zoomed in, the visible part is small on purpose.
    if (view.scale > 1.01) return forget();
    style.setProperty("--view-height", `${view.height}px`);
    style.setProperty("--view-top", `${view.offsetTop}px`); // iOS moves the page up to keep the field visible.
  }

  function forget() {
    style.removeProperty("--view-height");
    style.removeProperty("--view-top");
  }

  const ends = [listen(view, "resize", fit), listen(view, "scroll", fit)];
  return function unmount() {
    ends.forEach((end) => end());
    forget();
  };
}

/** A dialog of Bootstrap's that gives the focus back to where it was. */
import { listen } from "./dom.js";

/** `{show, hide, isShown, end}`. `first` is the field that has the focus while it opens. */
export function makeDialog(root, first) {
  const modal = bootstrap.Modal.getOrCreateInstance(root);
  let before = null;

  const ends = [
    listen(root, "shown.bs.modal", () => first.focus()),
    listen(root, "hidden.bs.modal", () => before?.isConnected && before.focus()),
  ];

  function show() {
    const sidebar = document.querySelector(".offcanvas-md.show");
    if (!sidebar) return open();
    // It would take the focus back when it has slid away.
    sidebar.addEventListener("hidden.bs.offcanvas", open, { once: true });
    bootstrap.Offcanvas.getInstance(sidebar).hide();
  }

  function open() {
    if (!isShown()) before = document.activeElement;
    modal.show();
  }

  function isShown() {
    return root.classList.contains("show");
  }

  function end() {
    ends.forEach((each) => each());
    bootstrap.Modal.getInstance(root)?.dispose();
  }

  return { show, hide: () => modal.hide(), isShown, end };
}

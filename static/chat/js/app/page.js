/**
 * The page of one room at a time. Going to another room doesn't load the page again: all modules are unmounted, the content is made anew, and all
 * modules are launched for the other room. So no module needs to know that rooms change.
 *
 * What the next room's modules keep of the former ones': `connection/handover.js`, `connection/identity.js`, `connection/room-memory.js`,
 * `search/kept-search.js`.
 */
import { GO_TO_ROOM, ROOM_LEAVING } from "./events.js";
import { MODULES, launch } from "./launch.js";
import { roomURL, slugIn } from "../kit/room-names.js";

/** Launches the page's modules, and again for each room that the reader goes to. */
export function openPage({ events, root, modules = MODULES }) {
  const fresh = document.createDocumentFragment();
  for (const node of root.childNodes) fresh.append(node.cloneNode(true));
  let unmount = launch({ events, root, modules });

  events.subscribe(GO_TO_ROOM, ({ slug }) => go(slug, roomURL(slug)));
  document.addEventListener("click", follow);
  addEventListener("popstate", arrive);

  /** Takes a click on a link to another room, which would otherwise load the page. */
  function follow(event) {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || hasModifier(event)) return;
    if ((link.target && link.target !== "_self") || link.hasAttribute("download")) return;
    const slug = slugIn(link);
    if (slug === null || slug === root.dataset.room) return;
    event.preventDefault();
    go(slug, link.href);
  }

  function go(slug, url) {
    history.pushState(null, "", url);
    show(slug);
  }

  /** Back or Forward. */
  function arrive() {
    const slug = slugIn(location);
    if (slug === null) location.reload();
    else if (slug !== root.dataset.room) show(slug);
  }

  function show(slug) {
    const focused = document.activeElement;
    const places = placesIn(root);
    events.publish(ROOM_LEAVING, { slug: root.dataset.room });
    unmount();
    events.forget();
    root.dataset.room = slug;
    root.replaceChildren(fresh.cloneNode(true));
    unmount = launch({ events, root, modules });
    for (const [name, top] of places) root.querySelector(`[data-keep-scroll="${name}"]`).scrollTop = top;
    const same = sameIn(root, focused);
    if (!same?.value) same?.focus({ preventScroll: true }); // In a field with a draft, the keys that go to the next room would be the field's.
  }
}

function hasModifier({ altKey, ctrlKey, metaKey, shiftKey }) {
  return altKey || ctrlKey || metaKey || shiftKey;
}

/** The scroll positions of the lists that are the same in every room. */
function placesIn(root) {
  return [...root.querySelectorAll("[data-keep-scroll]")].map((list) => [list.dataset.keepScroll, list.scrollTop]);
}

/** The element of the new content that stands for the one that had the focus: by its id or its link. Null if there is none. */
function sameIn(root, element) {
  if (element?.id) return document.getElementById(element.id);
  if (element?.href) return [...root.querySelectorAll("a[href]")].find(({ href }) => href === element.href) ?? null;
  return null;
}

/** Nodes from templates, and the named places in them. */

/** A fresh copy of the one element in `<template data-template="name">` under `root`. */
export function fromTemplate(root, name) {
  const template = root.querySelector(`template[data-template="${name}"]`);
  return template.content.firstElementChild.cloneNode(true);
}

/** The element marked `data-slot="name"` in `node`. */
export function slot(node, name) {
  return node.querySelector(`[data-slot="${name}"]`);
}

/** Sets an element's text, leaving it alone where it says so already (a live region would speak again). */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Whether a key belongs to the composition of a character (Japanese, Chinese). In Safari the Enter that ends one comes after its end, and is
 * told only by the old code of all such keys.
 */
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

/** Listens until the returned function is called. */
export function listen(target, type, handler, options) {
  target.addEventListener(type, handler, options);
  return () => target.removeEventListener(type, handler, options);
}

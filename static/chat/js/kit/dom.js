/** Creates nodes from templates and finds the slots in them. */

/**
 * A fresh copy of the one element in `<template data-template="name">` under `root`.
 * @returns {any}
 */
export function fromTemplate(root, name) {
  const template = root.querySelector(`template[data-template="${name}"]`);
  return template.content.firstElementChild.cloneNode(true);
}

/**
 * The element marked `data-slot="name"` in `node`.
 * @returns {any}
 */
export function slot(node, name) {
  return node.querySelector(`[data-slot="${name}"]`);
}

/** Sets an element's text, only if it differs: a live region would speak again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Whether a key belongs to the composition of a character (Japanese, Chinese). In Safari the Enter that ends a composition comes after its end,
 * and only the old key code of such keys identifies it.
 */
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

/**
 * Listens until the returned function is called.
 * @param {EventTarget} target
 * @param {string} type
 * @param {(event: any) => unknown} handler
 * @param {AddEventListenerOptions} [options]
 */
export function listen(target, type, handler, options) {
  target.addEventListener(type, handler, options);
  return () => target.removeEventListener(type, handler, options);
}

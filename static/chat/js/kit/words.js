import { language, locale } from "./locale.js";

/**
 * A module's texts, translated by the template.
 *
 * They are in `<template data-words>`, a child of the module's element, one `<span data-word="key">Hello {name}</span>` each.
 * Plural forms are `key-one`, `key-few` and so on, by the categories of the page's language; `key-other` is required.
 */
export function readWords(root) {
  const texts = new Map();
  for (const span of root.querySelector(":scope > template[data-words]").content.querySelectorAll("[data-word]")) {
    texts.set(span.dataset.word, span.textContent.trim());
  }
  const rules = new Intl.PluralRules(language);

  /** The text for `key`, with `{value}`s inserted. `key` itself if the template has no such text. */
  function word(key, values = {}) {
    return (texts.get(key) ?? key).replace(/\{(\w+)\}/g, (gap, name) => (name in values ? put(name, values[name]) : gap));
  }

  /** The same as `word`, in the plural form for `count`, which is inserted for `{count}`. */
  function plural(key, count, values = {}) {
    const form = `${key}-${rules.select(count)}`;
    return word(texts.has(form) ? form : `${key}-other`, { count: formatNumber(count), ...values });
  }

  return { word, plural, has: (key) => texts.has(key) };
}

/** Isolates a value, so that a right-to-left name doesn't change the direction of its sentence. */
function put(name, value) {
  return name === "count" ? value : `\u2068${value}\u2069`;
}

export function formatNumber(number) {
  return new Intl.NumberFormat(locale).format(number);
}

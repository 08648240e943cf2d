/** Whose way of writing numbers and times the page takes: the page's language, as this reader writes it. */

/** The language of the page's words. */
export const language = document.documentElement.lang || "en";

/** The reader's own variant of that language where the browser names one (`en-GB` on a page in `en`). */
export const locale = navigator.languages?.find((tag) => isVariant(tag, language)) ?? language;

/** 12 or 24 hours, as the reader is used to, in whatever language the page is. */
export const hourCycle = new Intl.DateTimeFormat(navigator.language, { hour: "numeric" }).resolvedOptions().hourCycle;

function isVariant(tag, language) {
  const [mine, page] = [tag.toLowerCase(), language.toLowerCase()];
  return mine === page || mine.startsWith(`${page}-`);
}

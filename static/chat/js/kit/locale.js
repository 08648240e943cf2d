/** The locale for numbers and times: the page's language in the reader's variant. */

/** The language of the page's texts. */
export const language = document.documentElement.lang || "en";

/** The reader's variant of that language if the browser has one (`en-GB` on a page in `en`). */
export const locale = navigator.languages?.find((tag) => isVariant(tag, language)) ?? language;

/** 12 or 24 hours, by the reader's locale, in any language of the page. */
export const hourCycle = hourCycleOf(navigator.language);

/** The hour cycle of a locale. WebKit on a Linux system without a language has the tag "C", which Intl refuses. */
function hourCycleOf(tag) {
  const of = (tag) => new Intl.DateTimeFormat(tag, { hour: "numeric" }).resolvedOptions().hourCycle;
  try {
    return of(tag);
  } catch {
    return of(language);
  }
}

function isVariant(tag, language) {
  const [mine, page] = [tag.toLowerCase(), language.toLowerCase()];
  return mine === page || mine.startsWith(`${page}-`);
}

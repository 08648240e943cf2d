/** The locale for numbers and times: the page's language in the reader's variant. */

/** The language of the page's words. */
export const language = document.documentElement.lang || "en";

/** The reader's own variant of that language where the browser names one (`en-GB` on a page in `en`). */
export const locale = navigator.languages?.find((tag) => isVariant(tag, language)) ?? language;

/** 12 or 24 hours, by the reader's locale, in any language of the page. */
export const hourCycle = hourCycleOf(navigator.language);

/** WebKit on Linux calls the language of a system without one "C", which Intl refuses as no language tag. */
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

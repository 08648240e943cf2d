/** The tab's icon: a dot for unseen messages, another one for a mention. */
import { attentionChanged } from "./signals.js";

export function mount() {
  const link = /** @type {HTMLLinkElement} */ (document.querySelector("link[rel=icon][data-unread]"));
  const plain = link.href;

  const end = attentionChanged.listen(({ unread, mentions }) => {
    link.href = (mentions ? link.dataset.mentioned : unread ? link.dataset.unread : null) ?? plain;
  });

  return function unmount() {
    end();
    link.href = plain;
  };
}

/** The tab's icon: with a dot for what came while nobody looked, with another one where somebody called. */
import { ATTENTION_CHANGED } from "./events.js";

export function mount({ events }) {
  const link = document.querySelector("link[rel=icon][data-unread]");
  const plain = link.href;

  const end = events.subscribe(ATTENTION_CHANGED, ({ unread, calls }) => {
    link.href = calls ? link.dataset.called : unread ? link.dataset.unread : plain;
  });

  return function unmount() {
    end();
    link.href = plain;
  };
}

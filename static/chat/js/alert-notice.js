/** The bar about notifications: offers them to somebody who was called while away, and says what to do where they can't be shown. */
import { ALERTS_ANSWERED, ALERTS_BLOCKED, ALERTS_CHANGED, ATTENTION_CHANGED, subscribeAll } from "./events.js";
import { listen, setText, slot } from "./lib/dom.js";
import { isLookedAt } from "./lib/looks.js";
import { readWords } from "./lib/words.js";

export function mount({ events, root }) {
  const { word } = readWords(root);
  const bar = slot(root, "bar");
  let mayOffer = false;
  let wasCalled = false;

  const ends = [
    subscribeAll(events, {
      [ALERTS_CHANGED](settings) {
        mayOffer = settings.mayOffer;
        if (!mayOffer && bar.dataset.says === "offer") hide();
      },
      [ALERTS_BLOCKED]: ({ reason }) => show(reason),
      [ATTENTION_CHANGED]({ calls }) {
        if (wasCalled && !calls && mayOffer && isLookedAt()) show("offer");
        wasCalled = calls > 0;
      },
    }),
    listen(slot(root, "allow"), "click", () => events.publish(ALERTS_ANSWERED, { isWanted: true })),
    listen(slot(root, "close"), "click", () => {
      if (bar.dataset.says === "offer") events.publish(ALERTS_ANSWERED, { isWanted: false });
      hide();
    }),
  ];

  function show(what) {
    bar.dataset.says = what;
    bar.hidden = false;
    setText(slot(root, "text"), word(what));
    slot(root, "allow").hidden = what !== "offer";
    setText(slot(root, "close"), word(what === "offer" ? "decline" : "close"));
  }

  function hide() {
    bar.hidden = true;
    bar.dataset.says = "";
  }

  return function unmount() {
    ends.forEach((end) => end());
    hide();
  };
}

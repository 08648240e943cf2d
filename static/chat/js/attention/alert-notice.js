/** The notice about notifications: offers them after a mention while away, and explains why they can't be shown. */
import { ALERTS_CHANGED, subscribeAll } from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { isLookedAt } from "../kit/page-focus.js";
import { readWords } from "../kit/words.js";
import { alertsBlocked, answered, attentionChanged } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word } = readWords(root);
  const bar = slot(root, "bar");
  let mayOffer = false;
  let wasMentioned = false;

  const ends = [
    subscribeAll(events, {
      [ALERTS_CHANGED](settings) {
        mayOffer = settings.mayOffer;
        if (!mayOffer && bar.dataset.says === "offer") hide();
      },
    }),
    alertsBlocked.listen(({ reason }) => show(reason)),
    attentionChanged.listen(({ mentions }) => {
      if (wasMentioned && !mentions && mayOffer && isLookedAt()) show("offer");
      wasMentioned = mentions > 0;
    }),
    listen(slot(root, "allow"), "click", () => answered.emit({ isWanted: true })),
    listen(slot(root, "close"), "click", () => {
      if (bar.dataset.says === "offer") answered.emit({ isWanted: false });
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

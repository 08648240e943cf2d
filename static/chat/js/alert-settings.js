/** Of which messages the reader wants to be alerted in this room, and whether the browser may show notifications of them. */
import {
  ALERTS_ANSWERED,
  ALERTS_BLOCKED,
  ALERTS_CHANGED,
  APP_LAUNCHED,
  MENU_CHOSEN,
  SOUND_CHANGED,
  subscribeAll,
} from "./events.js";
import { listen } from "./lib/dom.js";
import { openStore } from "./lib/store.js";

const OFFERED = "alerts.offered"; // In any room: one answer is enough.
const LEVELS = ["all", "calls", "none"];

export function mount({ events, root }) {
  const store = openStore("localStorage");
  const key = `alerts.${root.dataset.room}`;
  let isLoud = false;

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: tell,
      [SOUND_CHANGED]({ isOn }) {
        isLoud = isOn;
        tell();
      },
      [MENU_CHOSEN]: ({ entry, value }) => entry === "alerts" && choose(value),
      [ALERTS_ANSWERED]({ isWanted }) {
        store.set(OFFERED, true);
        if (isWanted) choose(chosen() ?? "calls");
        else tell();
      },
    }),
    store.watch(key, tell),
    store.watch(OFFERED, tell),
  ];
  // The reader may allow or block them in the browser's own settings, too.
  navigator.permissions?.query({ name: "notifications" }).then((status) => ends.push(listen(status, "change", tell)), () => {});

  function chosen() {
    return LEVELS.find((level) => level === store.get(key)) ?? null;
  }

  async function choose(level) {
    store.set(key, level);
    tell();
    if (level === "none" || permission() === "granted") return;
    if (permission() === "default") {
      await Notification.requestPermission();
      tell();
    }
    const reason = permission();
    if (reason === "denied" || reason === "missing") events.publish(ALERTS_BLOCKED, { reason: isSecureContext ? reason : "insecure" });
  }

  function permission() {
    return isSecureContext ? (window.Notification?.permission ?? "missing") : "missing";
  }

  /** Where there is no way to tell the reader, the level is none, whatever was chosen. */
  function tell() {
    const isHeard = isLoud || permission() === "granted";
    const mayOffer = permission() === "default" && chosen() === null && !store.get(OFFERED);
    events.publish(ALERTS_CHANGED, { level: isHeard ? (chosen() ?? "calls") : "none", mayOffer });
  }

  return () => ends.forEach((end) => end());
}

/** The alert level of this room, and whether the browser may show notifications. */
import { ALERTS_CHANGED, APP_LAUNCHED, MENU_CHOSEN, SOUND_CHANGED, subscribeAll } from "../app/events.js";
import { listen } from "../kit/dom.js";
import { openStore } from "../kit/store.js";
import { alertsBlocked, answered } from "./signals.js";

const OFFERED = "alerts.offered"; // For all rooms: one answer is enough.
/** @type {("all" | "mentions" | "none")[]} */
const LEVELS = ["all", "mentions", "none"];

/** @param {Mounting} at */
export function mount({ events, root }) {
  const store = openStore("localStorage");
  const key = `alerts.${root.dataset.room}`;
  let isLoud = false;

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: publish,
      [SOUND_CHANGED]({ isOn }) {
        isLoud = isOn;
        publish();
      },
      [MENU_CHOSEN]: ({ entry, value }) => entry === "alerts" && choose(value),
    }),
    answered.listen(({ isWanted }) => {
      store.set(OFFERED, true);
      if (isWanted) choose(chosen() ?? "mentions");
      else publish();
    }),
    store.watch(key, publish),
    store.watch(OFFERED, publish),
  ];
  // The reader may allow or block them in the browser's own settings, too.
  navigator.permissions?.query({ name: "notifications" }).then((status) => ends.push(listen(status, "change", publish)), () => {});

  function chosen() {
    return LEVELS.find((level) => level === store.get(key)) ?? null;
  }

  async function choose(level) {
    store.set(key, level);
    publish();
    if (level === "none" || permission() === "granted") return;
    if (permission() === "default") {
      await Notification.requestPermission();
      publish();
    }
    const reason = permission();
    if (reason === "denied" || reason === "missing") alertsBlocked.emit({ reason: isSecureContext ? reason : "insecure" });
  }

  function permission() {
    return isSecureContext ? (window.Notification?.permission ?? "missing") : "missing";
  }

  /** If no alert is possible, the level is none, independent of the choice. */
  function publish() {
    const isNoticed = isLoud || permission() === "granted";
    const mayOffer = permission() === "default" && chosen() === null && !store.get(OFFERED);
    events.publish(ALERTS_CHANGED, { level: isNoticed ? (chosen() ?? "mentions") : "none", mayOffer });
  }

  return () => ends.forEach((end) => end());
}

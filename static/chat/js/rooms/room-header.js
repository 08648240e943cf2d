/** The room's header: its title, the number of people, and the room's menu. */
import {
  ALERTS_CHANGED,
  MEMBER_JOINED,
  MEMBER_LEFT,
  OPEN_MENU,
  ROOMS_CHANGED,
  ROOM_CHANGED,
  ROOM_PULSED,
  ROOM_WELCOMED,
  SESSION_CHANGED,
  SOUND_CHANGED,
  subscribeAll,
} from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { formatNumber, readWords } from "../kit/words.js";
import { traitsOf } from "./room-order.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { plural } = readWords(root);
  const menu = slot(root, "menu");
  /** @type {any} */
  let room = {};
  let alerts = "none";
  let sound = "off";
  let mayDescribe = false;
  let listed = null; // This room in the list of rooms.

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED]: (session) => (mayDescribe = session.mayDescribe),
      // Known from the last visit, before the room has answered.
      [ROOMS_CHANGED]({ rooms }) {
        listed = rooms.find(({ isCurrent }) => isCurrent);
        if (listed) name(listed);
      },
      [ROOM_WELCOMED](welcome) {
        menu.hidden = false;
        show(welcome.room);
        count(welcome);
      },
      [ROOM_CHANGED]: (changed) => show(changed.room),
      [MEMBER_JOINED]: count,
      [MEMBER_LEFT]: count,
      [ROOM_PULSED]: count,
      [ALERTS_CHANGED]: ({ level }) => (alerts = level),
      [SOUND_CHANGED]: ({ isOn }) => (sound = isOn ? "on" : "off"),
    }),
    listen(menu, "click", () => {
      const traits = [room.locked ? "locked" : "open", `slow-${room.slow ?? 0}`, `alerts-${alerts}`, `sound-${sound}`];
      if (mayDescribe) traits.push("describer");
      if (listed) traits.push("listed", ...traitsOf(listed));
      events.publish(OPEN_MENU, { kind: "room", anchor: menu, subject: room, traits });
    }),
  ];

  name({ title: document.body.dataset.room });

  function name({ title }) {
    setText(slot(root, "title"), title);
  }

  function show(changed) {
    room = changed;
    name(room);
    slot(root, "locked").toggleAttribute("hidden", !room.locked); // SVG elements have no property `hidden`.
  }

  function count({ online }) {
    setText(slot(root, "online"), plural("online", online));
    setText(slot(root, "count"), formatNumber(online));
  }

  return () => ends.forEach((end) => end());
}

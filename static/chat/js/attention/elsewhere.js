/**
 * Mentions in the reader's other rooms: counts them, and decides which cause an alert. For a room that is open in a tab, that tab decides
 * (`alerts.js`). For the others one tab does, if the reader looks at none.
 */
import { ROOMS_CHANGED, subscribeAll } from "../app/events.js";
import { isLookedAt, watchLooks } from "../kit/page-focus.js";
import { openStore } from "../kit/store.js";
import { lead, raise, raisedIn } from "../kit/tabs.js";
import { mentionedElsewhere, roomDue } from "./signals.js";

const LOOKED = "chatty.look"; // The flag of a tab that the reader looks at.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const store = openStore("localStorage");
  let known = null; // Mentions by room. Null until the first counts.
  let isLeader = false;
  let lowerLooked = () => {};
  const lower = raise(openFlag(root.dataset.room));
  const resign = lead("chatty.elsewhere", () => (isLeader = true));

  const endLooks = watchLooks(look);
  look(isLookedAt());

  const end = subscribeAll(events, {
    [ROOMS_CHANGED]({ rooms }) {
      const others = rooms.filter(({ isCurrent }) => !isCurrent);
      const more = known ? others.filter(({ slug, mentions }) => mentions > (known.get(slug) ?? 0)) : [];
      known = new Map(others.map(({ slug, mentions }) => [slug, mentions]));
      mentionedElsewhere.emit({ mentions: others.reduce((sum, { mentions }) => sum + mentions, 0) });
      more.forEach(decide);
    },
  });

  function look(isLooked) {
    lowerLooked();
    lowerLooked = isLooked ? raise(LOOKED) : () => {};
  }

  async function decide({ slug, title }) {
    if (!isLeader || isLookedAt() || store.get(`alerts.${slug}`) === "none") return;
    if ((await raisedIn(openFlag(slug))) || (await raisedIn(LOOKED))) return;
    roomDue.emit({ slug, title });
  }

  return function unmount() {
    end();
    endLooks();
    look(false);
    lower();
    resign();
  };
}

function openFlag(room) {
  return `chatty.open.${room}`;
}

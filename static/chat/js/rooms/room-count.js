/** A room's badge in the list and in the switcher: how many messages are unread, and behind an at sign how many mention the reader. */
import { setText, slot } from "../kit/dom.js";
import { figureOf, sentenceOf } from "../kit/counts.js";

/** Fills the badge of templates/chat/rooms/_room_count.html. `plural` reads the texts of _room_count_words.html. */
export function fillCount(item, { unread, mentions, isMuted }, plural) {
  slot(item, "counts").hidden = !unread && !mentions;
  fill(slot(item, "mentions"), mentions, "@");
  fill(slot(item, "unread"), isMuted ? 0 : unread, "");
  const parts = [unread && sentenceOf(plural, "unread", unread), mentions && sentenceOf(plural, "mentions", mentions)];
  setText(slot(item, "description"), parts.filter(Boolean).join(""));
}

function fill(badge, count, mark) {
  badge.hidden = !count;
  setText(badge, count ? figureOf(count, mark) : "");
}

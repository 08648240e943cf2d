/** Renders one message as an item of the list. */
import { actionOf } from "../kit/commands.js";
import { fromTemplate, setText, slot } from "../kit/dom.js";
import { fragmentOf } from "../kit/filter.js";
import { paintAvatar, tagOf } from "../kit/names.js";
import { nodesOf } from "../kit/safe-html.js";
import { clock, countdown, exact, isoOf } from "../kit/time.js";

const FOLD_CHARACTERS = 1_500; // About a screen of a phone.
const FOLD_LINES = 20;

const countdowns = new WeakMap();

export function newMessage(root) {
  return fromTemplate(root, "message");
}

/** Shows the current state of `message`. */
export function fillMessage(item, message, words) {
  item.dataset.seq = message.seq;
  fillHead(item, message.author, message.at);
  slot(item, "link").href = `#message/${message.seq}`;
  item.classList.toggle("is-deleted", Boolean(message.deleted));
  item.classList.toggle("is-amended", Boolean(message.isPending));
  const body = slot(item, "body");
  if (message.deleted) body.textContent = words.word("deleted");
  else if (message.html === null) body.textContent = actionOf(message.body) ?? message.body; // The server hasn't rendered it yet.
  else body.replaceChildren(nodesOf(message.html));
  for (const code of body.querySelectorAll("pre")) code.tabIndex = 0; // The arrow keys scroll its long lines.
  item.classList.toggle("is-action", actionOf(message.body) !== null);
  const edited = slot(item, "edited");
  edited.hidden = !message.edited_at || Boolean(message.deleted);
  delete body.dataset.note;
  if (!edited.hidden) showEdited(item, exact(message.edited_at));
  foldIfLong(item, message.body, words);
}

/** Shows a message of the outbox: on its way, delayed or failed. */
export function fillPending(item, entry, me, words) {
  const { word, plural, has } = words;
  stopPending(item);
  item.dataset.nonce = entry.nonce;
  item.classList.add("is-own", "is-pending");
  const isFailed = entry.state === "failed";
  item.classList.toggle("is-failed", isFailed);
  fillHead(item, me, entry.at);
  const action = actionOf(entry.body);
  item.classList.toggle("is-action", action !== null);
  setText(slot(item, "body"), action ?? entry.body);
  foldIfLong(item, entry.body, words);
  slot(item, "status").hidden = !isFailed && !entry.retryAt;
  slot(item, "status").ariaLive = isFailed ? "polite" : "off"; // Screen readers must not read the seconds.
  slot(item, "actions").hidden = !isFailed;
  const reason = slot(item, "reason");
  if (isFailed) setText(reason, word(has(`refused-${entry.code}`) ? `refused-${entry.code}` : "refused"));
  else if (entry.retryAt) countdowns.set(item, countdown(entry.retryAt, (seconds) => setText(reason, plural("again", seconds))));
}

/** Stops the countdown of a pending item. */
export function stopPending(item) {
  countdowns.get(item)?.();
  countdowns.delete(item);
}

/** Marks the mentions of the reader in a message. */
export function markMentions(item, id) {
  const mentions = [...item.querySelectorAll(".mention")];
  for (const mention of mentions) mention.classList.toggle("is-me", mention.dataset.member.split(" ").includes(id));
  item.classList.toggle("mentions-me", mentions.some((mention) => mention.classList.contains("is-me")));
}

/** Shows the author's number if several people share the name. */
export function fillTag(item, namesakes) {
  const { author } = item.dataset;
  setText(slot(item, "tag"), tagOf(namesakes, author, slot(item, "name").textContent));
}

function fillHead(item, author, at) {
  item.dataset.author = author.id ?? "";
  item.dataset.at = at;
  setText(slot(item, "name"), author.name);
  slot(item, "bot").hidden = !author.bot;
  slot(item, "author").href = fragmentOf({ authors: [author.id ?? ""] });
  paintAvatar(slot(item, "avatar"), { id: author.id ?? "", name: author.name });
  const time = slot(item, "time");
  time.dateTime = isoOf(at);
  slot(item, "link").dataset.exact = exact(at);
  setText(time, clock(at));
}

function foldIfLong(item, body, words) {
  const isLong = body.length > FOLD_CHARACTERS || body.split("\n").length > FOLD_LINES;
  const wasLong = item.classList.contains("is-long");
  item.classList.toggle("is-long", isLong);
  // A message that the reader unfolded stays so through an edit.
  if (isLong !== wasLong) setFolded(item, isLong, words);
  slot(item, "unfold").hidden = !isLong;
}

/** Says "edited" behind the text, and when beside the exact time. */
function showEdited(item, time) {
  const body = slot(item, "body");
  const edited = slot(item, "edited");
  const last = body.lastElementChild;
  (last?.matches("p") ? last : body).dataset.note = edited.textContent;
  edited.dataset.exact = time;
  slot(item, "link").dataset.exact += ` (${edited.textContent} ${time})`;
}

/** Folds or unfolds a long message. */
export function setFolded(item, isFolded, { word }) {
  item.classList.toggle("is-folded", isFolded);
  setText(slot(item, "unfold"), word(isFolded ? "more" : "less"));
  slot(item, "unfold").ariaExpanded = String(!isFolded);
}

/** The dialog with the bans in force, where moderators lift them. The server checks the rights. */
import { MENU_CHOSEN, request, subscribeAll } from "../app/events.js";
import { makeDialog } from "../kit/dialog.js";
import { fromTemplate, listen, setText, slot } from "../kit/dom.js";
import { oneRequest } from "../kit/one-request.js";
import { dateAndTime } from "../kit/time.js";
import { readWords } from "../kit/words.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, has } = readWords(root);
  const list = slot(root, "bans");
  const dialog = makeDialog(root);
  const { ask, cancel } = oneRequest((command, answered) => request(events, command, answered), say, has);

  const ends = [
    subscribeAll(events, { [MENU_CHOSEN]: ({ entry }) => entry === "bans" && open() }),
    listen(list, "click", ({ target }) => {
      const button = target.closest("[data-slot=unban]");
      if (button) unban(button.closest("li"));
    }),
    listen(root, "close", cancel),
  ];

  function open() {
    list.replaceChildren();
    list.hidden = slot(root, "none").hidden = slot(root, "more").hidden = true;
    dialog.show();
    ask({ type: "bans" }, ({ bans, more }) => {
      list.append(...bans.map(itemFor));
      slot(root, "more").hidden = !more;
      showWhetherEmpty();
    });
  }

  /** @param {Wire.Ban} ban */
  function itemFor({ id, name, until, reason }) {
    const item = fromTemplate(root, "ban");
    item.dataset.member = id;
    item.dataset.name = name || word("nameless");
    setText(slot(item, "name"), item.dataset.name);
    setText(slot(item, "until"), until ? word("until", { time: dateAndTime(until) }) : word("for-ever"));
    setText(slot(item, "reason"), reason ?? "");
    slot(item, "unban").setAttribute("aria-label", word("unban-label", { name: item.dataset.name }));
    return item;
  }

  function unban(item) {
    ask({ type: "unban", id: item.dataset.member }, () => {
      const { member, name } = item.dataset;
      for (const other of [...list.children]) if (other.dataset.member === member) other.remove(); // All bans are lifted.
      showWhetherEmpty();
      say("unbanned", name);
      (list.querySelector("[data-slot=unban]") ?? root.querySelector("[data-close]")).focus();
    });
  }

  function showWhetherEmpty() {
    list.hidden = !list.children.length;
    slot(root, "none").hidden = !list.hidden;
  }

  function say(key, name = "") {
    setText(slot(root, "status"), key ? word(key, { name }) : "");
  }

  return function unmount() {
    ends.forEach((stop) => stop());
    cancel();
    dialog.end();
  };
}

/** The dialog with the room's incoming webhooks, for its creator and moderators. The server checks the rights. */
import { MENU_CHOSEN, request, subscribeAll } from "../app/events.js";
import { cleanLine } from "../kit/clean.js";
import { makeDialog } from "../kit/dialog.js";
import { fromTemplate, listen, setText, slot } from "../kit/dom.js";
import { oneRequest } from "../kit/one-request.js";
import { readWords } from "../kit/words.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, has } = readWords(root);
  const form = root.querySelector("form");
  const list = slot(root, "hooks");
  const url = slot(root, "url");
  const dialog = makeDialog(root, { first: form.elements.name });
  /** @type {Wire.Hook[]} */
  let hooks = [];
  let sure = ""; // The id of the webhook whose button was pressed once.
  const { ask, cancel } = oneRequest((command, answered) => request(events, command, answered), say, has);

  const ends = [
    subscribeAll(events, { [MENU_CHOSEN]: ({ entry }) => entry === "hooks" && open() }),
    listen(form, "submit", (event) => {
      event.preventDefault();
      make(cleanLine(form.elements.name.value));
    }),
    listen(list, "click", ({ target }) => {
      const button = target.closest("[data-slot=revoke]");
      if (button) revoke(button.closest("li").dataset.hook);
    }),
    listen(url, "focus", () => url.select()),
    listen(slot(root, "copy"), "click", copy),
    listen(root, "close", end),
  ];

  function open() {
    hooks = [];
    sure = "";
    say(null);
    list.hidden = slot(root, "none").hidden = slot(root, "made").hidden = true;
    form.elements.name.value = "";
    dialog.show();
    ask({ type: "hooks" }, (answer) => show(answer.hooks));
  }

  function make(name) {
    if (!name) return say("refused-name_invalid");
    ask({ type: "make_hook", name }, (answer) => {
      show([...hooks, answer.hook]);
      form.elements.name.value = "";
      url.value = answer.url;
      slot(root, "made").hidden = false;
      slot(root, "copy").focus();
    });
  }

  /** The second press does it: nothing brings the address back. */
  function revoke(id) {
    if (sure !== id) {
      sure = id;
      show(hooks);
      return;
    }
    ask({ type: "revoke_hook", hook: id }, () => {
      show(hooks.filter((hook) => hook.id !== id));
      slot(root, "made").hidden = true; // It may be this one's address.
      say("revoked");
      form.elements.name.focus();
    });
  }

  function show(now) {
    hooks = now;
    const items = new Map([...list.children].map((item) => [item.dataset.hook, item]));
    for (const [id, item] of items) if (!hooks.some((hook) => hook.id === id)) item.remove();
    for (const { id, name } of hooks) {
      const item = items.get(id) ?? list.appendChild(fromTemplate(root, "hook"));
      item.dataset.hook = id;
      setText(slot(item, "name"), name);
      const button = slot(item, "revoke");
      setText(button, word(id === sure ? "revoke-really" : "revoke"));
      button.classList.toggle("is-danger", id === sure);
      if (id === sure) button.removeAttribute("aria-label");
      else button.setAttribute("aria-label", word("revoke-label", { name }));
    }
    list.hidden = !hooks.length;
    slot(root, "none").hidden = hooks.length > 0;
  }

  async function copy() {
    try {
      await navigator.clipboard.writeText(url.value);
      say("copied");
    } catch {
      url.focus(); // Without HTTPS, or forbidden: it is selected, and the keys do it.
      say("copy-by-hand");
    }
  }

  function say(key) {
    setText(slot(root, "status"), key ? word(key) : "");
  }

  function end() {
    cancel();
    url.value = "";
  }

  return function unmount() {
    ends.forEach((stop) => stop());
    end();
    dialog.end();
  };
}

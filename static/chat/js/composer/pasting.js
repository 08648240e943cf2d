/**
 * What is pasted or dropped: an address makes the selection a link, rows of a spreadsheet become aligned columns, code is offered as a code block,
 * and a file, which can't be sent, isn't opened instead of the page.
 */
import { SEND_MESSAGE } from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { readWords } from "../kit/words.js";
import { apply } from "./field.js";
import { alignTable, isAddress, isInFence, looksLikeCode, makeCodeBlock, makeLink } from "./markup.js";
import { borrow, giveBack } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word } = readWords(root);
  const field = root.closest("form").elements.body;
  const button = slot(root, "format");
  let offered = null; // The pasted code: `{from, text}`.

  const ends = [
    listen(field, "paste", take),
    listen(field, "input", () => offered && !isThere(offered) && close()),
    listen(button, "click", () => {
      const { from, text } = offered;
      close();
      apply(field, makeCodeBlock(field.value, from, from + text.length));
    }),
    listen(slot(root, "close"), "click", () => {
      close();
      field.focus();
    }),
    listen(window, "dragover", (event) => hasFiles(event.dataTransfer) && event.preventDefault()),
    listen(window, "drop", refuse),
    events.subscribe(SEND_MESSAGE, close),
    borrow.listen(close),
    giveBack.listen(close),
  ];

  function take(event) {
    close();
    const data = event.clipboardData;
    const pasted = data.getData("text/plain").replace(/\r\n?/g, "\n");
    if (!pasted) return hasFiles(data) && refuseFiles(event);
    const { selectionStart: from, selectionEnd: to, value } = field;
    if (isInFence(value, from)) return;
    const edit = isAddress(pasted.trim()) ? makeLink(value, from, to, pasted.trim()) : tableBlock(data, pasted);
    if (edit) {
      event.preventDefault();
      apply(field, edit);
    } else if (looksLikeCode(pasted)) {
      field.addEventListener("input", () => offer(from, pasted), { once: true });
    }
  }

  /** Only a spreadsheet's clipboard has a table as well; a program's text may have tabs, too. */
  function tableBlock(data, pasted) {
    const rows = /<table\b/i.test(data.getData("text/html")) ? alignTable(pasted) : null;
    if (!rows) return null;
    const { selectionStart: from, selectionEnd: to, value } = field;
    const block = makeCodeBlock(value.slice(0, from) + rows + value.slice(to), from, from + rows.length);
    return { ...block, to };
  }

  function offer(from, text) {
    if (!isThere({ from, text })) return;
    offered = { from, text };
    show(word("code"), true);
  }

  function isThere({ from, text }) {
    return field.value.startsWith(text, from);
  }

  function refuse(event) {
    if (hasFiles(event.dataTransfer)) refuseFiles(event);
  }

  function refuseFiles(event) {
    event.preventDefault();
    show(word("files"), false);
  }

  function show(text, isOffer) {
    root.hidden = false;
    button.hidden = !isOffer;
    setText(slot(root, "text"), text);
  }

  function close() {
    offered = null;
    root.hidden = true;
    setText(slot(root, "text"), "");
  }

  return function unmount() {
    ends.forEach((end) => end());
    close();
  };
}

/** @param {DataTransfer | null} data */
function hasFiles(data) {
  return Boolean(data?.types.includes("Files"));
}

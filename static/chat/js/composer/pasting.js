/**
 * What is pasted or dropped: an address makes the selection a link, rows of a spreadsheet become aligned columns, code and rows from elsewhere are
 * offered as a code block, and a file, which can't be sent, isn't opened instead of the page.
 */
import { SEND_MESSAGE } from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { readWords } from "../kit/words.js";
import { apply } from "./field.js";
import { isAddress, isInFence, looksLikeCode, makeCodeBlock, makeLink } from "./markup.js";
import { borrow, giveBack } from "./signals.js";
import { alignTable } from "./tables.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word } = readWords(root);
  const field = root.closest("form").elements.body;
  const button = slot(root, "format");
  let offered = null; // What was pasted: `{from, text, block}`, with the text of the code block.

  const ends = [
    listen(field, "paste", take),
    listen(field, "input", () => offered && !isThere(offered) && close()),
    listen(button, "click", () => {
      const pasted = offered;
      close();
      apply(field, codeBlock(pasted.from, pasted.from + pasted.text.length, pasted.block));
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
      return;
    }
    const kind = looksLikeCode(pasted) ? "code" : "table";
    const block = kind === "code" ? pasted : alignTable(pasted);
    if (block) field.addEventListener("input", () => offer({ from, text: pasted, block }, kind), { once: true });
  }

  /** Only a spreadsheet's clipboard has a table as well. Text with tabs may be something else, so a table of it is only offered. */
  function tableBlock(data, pasted) {
    const rows = /<table\b/i.test(data.getData("text/html")) ? alignTable(pasted, { isTable: true }) : null;
    return rows && codeBlock(field.selectionStart, field.selectionEnd, rows);
  }

  /** The edit that puts `code` there as a code block. */
  function codeBlock(from, to, code) {
    const { value } = field;
    return { ...makeCodeBlock(value.slice(0, from) + code + value.slice(to), from, from + code.length), to };
  }

  function offer(pasted, kind) {
    if (!isThere(pasted)) return;
    offered = pasted;
    show(word(kind), word(`format-${kind}`));
  }

  function isThere({ from, text }) {
    return field.value.startsWith(text, from);
  }

  function refuse(event) {
    if (hasFiles(event.dataTransfer)) refuseFiles(event);
  }

  function refuseFiles(event) {
    event.preventDefault();
    show(word("files"));
  }

  function show(text, offer = "") {
    root.hidden = false;
    button.hidden = !offer;
    setText(button, offer);
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

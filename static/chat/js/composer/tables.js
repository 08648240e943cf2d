/** Tables as text: the columns of a spreadsheet's rows are aligned by spaces. */
import { columnsOf } from "../kit/cells.js";
import { greatest } from "../kit/extremes.js";

const SIZE_LIMIT = 40_000; // Characters of a table: ten messages.
const CELL = /"((?:[^"]|"")*)"(?=[\t\n]|$)|[^\t\n]*/y; // A cell with a break or a quote is in quotes.
const NUMBER = /^[-+−(]?\p{Sc}?\s?\d[\d.,'’\s]*\)?\s?(?:%|\p{Sc})?$/u;
const GAP = "  ";

/**
 * The rows with aligned columns, those of numbers at their ends. Null for other text, and for a table that would be too large.
 * @param {string} text  with tabs between the cells
 * @param {{isTable?: boolean}} [known]  whether the text surely is a table: then its rows may have different lengths
 */
export function alignTable(text, { isTable = false } = {}) {
  if (text.length > SIZE_LIMIT) return null;
  const rows = cellsOf(text);
  const width = greatest(rows.map((row) => row.length));
  if (rows.length < 2 || width < 2 || (!isTable && rows.some((row) => row.length !== width))) return null;
  const columns = Array.from({ length: width }, (_, at) => aligned(rows.map((row) => row[at] ?? "")));
  if (rows.length * columns.reduce((sum, { size }) => sum + size + GAP.length, 0) > SIZE_LIMIT) return null;
  return rows.map((_, at) => columns.map(({ pad }) => pad(at)).join(GAP).trimEnd()).join("\n");
}

/** The cells of each row. */
function cellsOf(text) {
  /** @type {string[][]} */
  const rows = [[]];
  const source = text.replace(/\n+$/, "");
  let at = 0;
  while (at <= source.length) {
    CELL.lastIndex = at;
    const [whole, quoted] = CELL.exec(source) ?? [""];
    const cell = quoted?.replaceAll('""', '"') ?? whole;
    rows.at(-1)?.push(cell.replace(/\s+/g, " ").trim());
    at += whole.length;
    if (source[at] === "\n") rows.push([]);
    at += 1;
  }
  return rows;
}

/** A column's width, and its cells filled up to it. The first one may be a heading. */
function aligned(cells) {
  const size = greatest(cells.map(columnsOf));
  const filled = cells.slice(1).filter(Boolean);
  const isNumeric = filled.length > 0 && filled.every((cell) => NUMBER.test(cell));
  const pad = (at) => {
    const space = " ".repeat(size - columnsOf(cells[at]));
    return isNumeric ? space + cells[at] : cells[at] + space;
  };
  return { size, pad };
}

/** A search of all rooms, while its results lead the reader from one room to the next. In memory: a reload begins anew. */

/** @type {{fields: Record<string, string>, name: string, command: object, results: object[], hasMore: boolean, isOpen: boolean, visited: string | null} | null} */
let kept = null;

export function keep(search) {
  kept = search;
}

/** Returns the kept search, once. */
export function take() {
  const search = kept;
  kept = null;
  return search;
}

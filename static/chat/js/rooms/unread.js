/** Unread counts of other rooms: the answer to `watch` (`unread`) plus later updates (`activity`). */
export class Unread {
  #rooms = new Map(); // slug -> {unread, called, head}

  /** @param known `{slug: {unread, called, head}}`, from `saved`. */
  constructor(known) {
    this.#rooms = new Map(Object.entries(known ?? {}));
  }

  of(slug) {
    return this.#rooms.get(slug) ?? { unread: 0, called: 0, head: 0 };
  }

  get saved() {
    return Object.fromEntries(this.#rooms);
  }

  answer(rooms) {
    this.#rooms = new Map(rooms.map(({ slug, unread, called = 0, head }) => [slug, { unread, called, head }]));
  }

  forget(slug) {
    this.#rooms.delete(slug);
  }

  /**
   * Applies an `activity` event. `seqOf(slug)` is how far a room was read, perhaps in another tab and beyond the known head. Returns false if only
   * a part of the new messages may be read: then only the server knows the count.
   */
  add(rooms, seqOf) {
    let isSure = true;
    for (const { slug, posted, called = 0, head } of rooms) {
      const known = this.#rooms.get(slug);
      if (!known || head <= known.head) continue;
      this.#rooms.set(slug, { unread: known.unread + posted, called: known.called + called, head });
      if (seqOf(slug) > known.head && !this.read(slug, seqOf(slug))) isSure = false;
    }
    return isSure;
  }

  /** Marks a room as read up to `seq`. Returns false if there are later messages: then only the server knows the count. */
  read(slug, seq) {
    const known = this.of(slug);
    if (seq < known.head) return known.unread === 0;
    if (known.unread || known.called) this.#rooms.set(slug, { ...known, unread: 0, called: 0 });
    return true;
  }
}

/** Unread counts of other rooms: the answer to `watch` (`unread`) plus later updates (`activity`). */
export class Unread {
  #rooms = new Map(); // slug -> {unread, called, head}

  /** @param known `{slug: {unread, called, head}}`, as `saved` gave it. */
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

  /**
   * News of watched rooms, of which each was read up to `seqOf(slug)`: in another tab, before we heard of it, if that is above what we
   * knew of. False where some of it may be read and some not: how much, the server knows.
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

  /** It was read up to `seq`. False where there is more behind that: how much, the server knows. */
  read(slug, seq) {
    const known = this.of(slug);
    if (seq < known.head) return known.unread === 0;
    if (known.unread || known.called) this.#rooms.set(slug, { ...known, unread: 0, called: 0 });
    return true;
  }
}

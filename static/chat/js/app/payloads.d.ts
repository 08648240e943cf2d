/**
 * What each event of the bus carries, by its name: for `tsc`, which checks `publish` and `subscribe` against it. Browsers never load it.
 *
 * docs/front-end.md says what each field means, and who publishes it.
 */

declare namespace Page {
  /** Nothing. */
  type Nothing = Record<string, never>;

  /** What shows of the room; null is everything. */
  interface Filter {
    readonly authors: readonly string[];
    readonly mentions: boolean;
    readonly links: boolean;
  }

  /** A message, and how many pixels below the top of the view it is read. */
  interface Reading {
    seq: number;
    distance?: number;
  }

  interface Session {
    /** Null until it is known. */
    id: string | null;
    name: string;
    /** False where the site says what the reader is called. */
    mayRename: boolean;
    isModerator: boolean;
    mayDescribe: boolean;
    /** The name of the room's history; null before the first welcome. */
    log: string | null;
  }

  interface VisitedRoom {
    slug: string;
    title: string;
    at: number;
    active: number;
    isCurrent: boolean;
    isPinned: boolean;
    isMuted: boolean;
    hasUnsent: boolean;
    unread: number;
    mentions: number;
    badge?: Badge;
  }

  /** What a room's badge said when the room was opened: the unread messages up to the version `head`. */
  interface Badge {
    unread: number;
    head: number;
  }

  /** What waits to be acknowledged. `retryAt` is a time of `kit/elapsed.js`. */
  interface Waiting {
    at: number;
    state: "sending" | "failed";
    code?: Wire.RefusalCode | "late" | null;
    retryAt?: number | null;
  }

  interface OutboxEntry extends Waiting {
    nonce: string;
    body: string;
    reply_to?: number;
    /** Ids of the people chosen for it. */
    mentions?: string[];
  }

  interface PendingChange extends Waiting, Wire.Change {
    id: string;
    log: string | null;
    isTried?: boolean;
  }

  /**
   * What a menu is opened for, and what was chosen in it. `subject` is what `kind` says: a message, a member, a room, a visited
   * room, or null for the text in the composer.
   */
  interface MenuSubject {
    kind: "message" | "member" | "room" | "visit" | "text";
    anchor: HTMLElement;
    subject: any;
  }

  /** A command for the server. Without `answered` it is dropped where there is no connection. */
  interface Request {
    command: Wire.Command;
    /** Called once, with what answers the command; never for what was called off by `signal`. */
    answered?: (answer: Wire.Outcome) => unknown;
    signal?: AbortSignal;
    /** Without a connection: it is sent when there is one, or refused (the default). */
    offline?: "later" | "say";
    /** How long the answer may take, where there is a connection. */
    seconds?: number;
    /** Called when it is sent, and when it waits to be sent. */
    progress?: (isSent: boolean) => unknown;
  }

  /** How a connection ended of which the server said nothing: it didn't open, no event came, events stopped coming, or it had worked and ended. */
  type Loss = "refused" | "silent" | "stalled" | "cut";

  /** What a transport needs, and tells. */
  interface Line {
    identity: () => { socketURL: string; httpURL: string; token: string };
    room: string;
    /** The `join` command as of now. */
    join: () => any;
    heard: (events: any[]) => unknown;
    /** Called once at most, with a close code of the protocol or of WebSockets. */
    lost: (code: number, how: Loss) => unknown;
  }

  interface Transport {
    kind: "websocket" | "stream" | "poll";
    /** Seconds without events after which it is dead, if they aren't those of the pulse. */
    silence?: number;
    send: (command: any) => unknown;
    /** Goes to the room of another line, where the transport can. From then on it tells that line. */
    move?: (line: Line) => unknown;
    close: () => unknown;
  }

  interface Shown {
    messages: Wire.Message[];
    more: boolean;
    newer: boolean;
  }

  interface Amend {
    edit: { type: "edit"; seq: number; body: string; base?: number; mentions?: string[] };
    delete: { type: "delete"; seq: number };
    react: { type: "react"; seq: number; emoji: string; on: boolean };
  }
}

interface Payloads {
  "app:launched": Page.Nothing;
  "filter:changed": { filter: Page.Filter | null };
  "filter:toggle": Partial<Page.Filter>;
  "search:everywhere": { kind: "mentions" | "links" };
  "composer:escaped": { isBorrowed: boolean };
  "composer:focus": Page.Nothing;
  "composer:fill": { body: string };
  "menu:open": Page.MenuSubject & { traits: string[]; note?: string };
  "menu:chosen": Page.MenuSubject & { entry: string; value?: string | null };

  "host:token-wanted": { give: (token: string) => void };
  "host:token-changed": Page.Nothing;
  "host:theme-changed": { theme: "system" | "light" | "dark" };

  "unseen:changed": { unread: number; mentions: number };
  "alerts:changed": { level: "all" | "mentions" | "none"; mayOffer: boolean };
  "sound:changed": { isOn: boolean };

  "room:go": { slug: string };
  "room:leaving": { slug: string };
  "rooms:changed": { rooms: Page.VisitedRoom[]; order: "name" | "activity" };

  "session:joined": Omit<Page.Session, "mayRename">;
  "session:changed": Page.Session;
  "identity:ready": { uuid: string; token: string; name: string | null; socketURL: string; httpURL: string; former: string | null };
  "name:chosen": { name: string };
  "name:change": { name: string };
  "screen-name:open": Page.Nothing;

  "connection:changed": { state: "idle" | "connecting" | "joined" | "waiting" | "stopped"; reason?: string; retryAt?: number; isSlow?: boolean; transport?: Page.Transport["kind"] };
  "connection:retry": Page.Nothing;
  "command:send": Page.Request;

  "room:welcomed": Wire.ServerEvents["welcome"] & { isRemembered?: boolean };
  "room:pulsed": Wire.ServerEvents["pulse"];
  "room:changed": Wire.ServerEvents["room"];
  "rooms:active": Wire.ServerEvents["activity"];
  "message:arrived": Wire.ServerEvents["message"];
  "reaction:arrived": Wire.ServerEvents["reacted"];
  "changes:arrived": Wire.ServerEvents["changes"];
  "page:arrived": Wire.ServerEvents["page"];
  "found:arrived": Wire.ServerEvents["found"];
  "member:joined": Wire.ServerEvents["joined"];
  "member:left": Wire.ServerEvents["left"];
  "member:renamed": Wire.ServerEvents["renamed"];
  "member:typed": Wire.ServerEvents["typing"];
  "member:away": Wire.ServerEvents["away"];
  "command:refused": Wire.ServerEvents["refused"];

  "timeline:reset": Page.Shown;
  "timeline:changed": { added: Wire.Message[]; changed: Wire.Message[]; removed: number[] };
  "timeline:extended": Page.Shown;
  "timeline:reached": Wire.Since;
  "timeline:missed": { added: Wire.Message[] };
  "timeline:trimmed": { oldest: number; newest: number; more: boolean; newer: boolean };
  "message:show": Page.Reading;
  "timeline:show-newest": Page.Nothing;
  "view:moved": { oldest: number; newest: number; isAtEnd: boolean; read: Page.Reading | null };

  "message:send": { body: string; reply_to?: number; mentions?: string[] };
  "message:retry": { nonce: string };
  "message:discard": { nonce: string };
  "outbox:changed": { entries: Page.OutboxEntry[] };

  "message:filled": { item: HTMLElement; message: Partial<Wire.Message> & { body: string } };

  "quote:want": { seq: number };
  "quote:changed": { seq: number; author: string; isBot: boolean; text: string };

  "message:amend": Page.Amend[keyof Page.Amend];
  "amendments:changed": { entries: Page.PendingChange[]; seqs: Set<number> };
  "message:edit-again": { seq: number; body: string; base?: number };
  "message:delete": { seq: number };

  "people:namesakes-changed": { numbers: Map<string, number> };
  "people:names-changed": { names: Map<string, string> };
}

/** What `kit/signal.js` makes. */
interface Signal<T> {
  /** Returns the way to stop listening. */
  listen(handler: (payload: Readonly<T>) => unknown): () => void;
  emit(...payload: Record<string, never> extends T ? [] : [payload: T]): void;
}

/** Handlers, by the names of the events. */
type Handlers = { [N in keyof Payloads]?: (payload: Readonly<Payloads[N]>) => unknown };

interface Bus {
  /** Calls every handler of `name`. A payload that holds nothing may be left out. */
  publish<N extends keyof Payloads>(name: N, ...payload: Record<string, never> extends Payloads[N] ? [payload?: Payloads[N]] : [payload: Payloads[N]]): void;
  /** Returns the way to unsubscribe. */
  subscribe<N extends keyof Payloads>(name: N, handler: (payload: Readonly<Payloads[N]>) => unknown): () => void;
}

/** The page's bus. `forget` drops the lasting facts. */
interface PageBus extends Bus {
  forget(): void;
}

/** What `mount` gets. Elements aren't checked: which one `root` is, the template says. */
interface Mounting {
  events: Bus;
  root: any;
}

interface Window {
  app: { readonly events: PageBus };
  trustedTypes?: { createPolicy(name: string, rules: object): { createHTML(html: string): string; createScriptURL(address: string): string } };
}

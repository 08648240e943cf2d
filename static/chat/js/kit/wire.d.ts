/**
 * What a frame holds, as docs/protocol.md has it: for `tsc`, which checks the scripts against it. Browsers never load it.
 *
 * Times are milliseconds since 1970 UTC.
 */

declare namespace Wire {
  interface Person {
    id: string;
    name: string;
    /** A program. */
    bot?: boolean;
  }

  interface Member extends Person {
    /** The id of another member with the same name, or one that looks the same. */
    like?: string;
    away?: boolean;
  }

  interface Message {
    seq: number;
    version: number;
    nonce: string;
    author: Person;
    body: string;
    html: string;
    at: number;
    edited_at?: number;
    deleted?: boolean;
    /** Emoji to ids of members. */
    reactions?: Record<string, string[]>;
    /** Ids of members. */
    mentions?: string[];
    reply_to?: number;
  }

  /** An incoming webhook. `id` is the author's in its messages. */
  interface Hook {
    id: string;
    name: string;
    at: number;
  }

  /** A ban in force. `until` is missing if it has no end. */
  interface Ban {
    id: string;
    name: string;
    at: number;
    until?: number;
    reason?: string;
    /** Also of the member's addresses. */
    address?: boolean;
  }

  interface Room {
    slug: string;
    title: string;
    topic?: string;
    locked?: boolean;
    /** Seconds between two messages of a member. */
    slow?: number;
  }

  interface Welcome {
    me: Person;
    room: Room;
    log: string;
    head: number;
    reset: boolean;
    messages: Message[];
    more: boolean;
    members: Member[];
    online: number;
    /** Seconds. */
    pulse: number;
    limits: { body: number; name: number };
    build: string;
    moderator?: boolean;
    may_describe?: boolean;
  }

  interface Conditions {
    author?: string;
    authors?: string[];
    mentions?: string;
    links?: boolean;
  }

  interface Page extends Conditions {
    messages: Message[];
    more: boolean;
    newer?: boolean;
    before?: number;
    after?: number;
    around?: number;
    at?: number;
    seqs?: number[];
  }

  interface Search {
    query: string;
    limit: number;
    before?: number;
    author?: string;
    at_from?: number;
    at_before?: number;
    mentions?: string;
    links?: boolean;
    rooms?: string[];
    /** With `rooms`: the room of `before`. */
    before_room?: string;
  }

  interface SearchResult {
    seq: number;
    /** Its room's address, if the search named rooms. */
    room?: string;
    author: Person;
    at: number;
    /** Pieces of the body, each with whether it matches. */
    excerpt: [text: string, isMatch: boolean][];
  }

  interface Found extends Omit<Search, "limit"> {
    results: SearchResult[];
    more: boolean;
  }

  interface Changes {
    since: number;
    messages: Message[];
    more: boolean;
    head: number;
    reset: boolean;
  }

  interface UnreadRoom {
    slug: string;
    title: string;
    unread: number;
    called: number;
    head: number;
  }

  interface ActiveRoom {
    slug: string;
    posted: number;
    head: number;
    called?: number;
  }

  type RefusalCode =
    | "bad_frame"
    | "unknown_command"
    | "not_joined"
    | "already_joined"
    | "body_empty"
    | "body_too_long"
    | "name_invalid"
    | "rate_limited"
    | "room_exists"
    | "slug_invalid"
    | "title_invalid"
    | "not_yours"
    | "edited_meanwhile"
    | "no_such_message"
    | "too_many_reactions"
    | "too_many_hooks"
    | "not_allowed"
    | "query_empty"
    | "query_too_long"
    | "locked"
    | "unavailable"
    | "bad_token"
    | "banned"
    | "no_such_room"
    | "too_big";

  interface Refusal {
    code: RefusalCode;
    detail: string;
    nonce?: string;
    seq?: number;
    /** Seconds. */
    retry_after?: number;
  }

  interface MemberCame {
    member: Member;
    online: number;
  }

  /** What answers one client's command. */
  interface Answer {
    /** The `id` of the command. */
    re?: string;
  }

  /** The events, by their type. */
  interface ServerEvents {
    welcome: Answer & Welcome;
    message: Message;
    joined: MemberCame;
    left: { id: string; online: number };
    renamed: MemberCame;
    away: { id: string; on: boolean };
    room: Answer & { room: Room };
    made: Answer & { room: Room };
    hook_made: Answer & { hook: Hook; url: string };
    hooks: Answer & { hooks: Hook[] };
    hook_revoked: Answer & { hook: string };
    people: Answer & { people: { id: string; name: string; seen_at: number }[] };
    unread: Answer & { rooms: UnreadRoom[] };
    activity: { rooms: ActiveRoom[] };
    banned: Answer & { id: string; until?: number };
    unbanned: Answer & { id: string };
    bans: Answer & { bans: Ban[]; more?: boolean };
    messages_deleted: Answer & { author: string; count: number; before?: number };
    typing: { id: string };
    reacted: { seq: number; version: number; after: number; id: string; emoji: string; on: boolean };
    pulse: { head: number; online: number; epoch?: string };
    page: Answer & Page;
    found: Answer & Found;
    changes: Answer & Changes;
    refused: Answer & Refusal;
    done: Answer;
    bye: { code: number; reconnect: boolean; after: number };
  }

  type AnswerType = "done" | "page" | "found" | "changes" | "made" | "room" | "people" | "unread" | "banned" | "unbanned" | "bans" | "messages_deleted" | "hook_made" | "hooks" | "hook_revoked";

  /** What a request ends with. `offline`: there was no connection, or it was lost; `late`: no answer came. */
  type Outcome =
    | { [T in AnswerType]: { type: T } & ServerEvents[T] }[AnswerType]
    | ({ type: "refused" } & Omit<ServerEvents["refused"], "code" | "detail"> & { code: RefusalCode | "offline" | "late" });

  /** A change of a message, without what the page knows of it. */
  interface Change {
    type: "edit" | "delete" | "react";
    seq: number;
    body?: string;
    base?: number;
    /** Ids of the people chosen for it. */
    mentions?: string[];
    emoji?: string;
    on?: boolean;
  }

  interface Since {
    log: string;
    version: number;
    seq?: number;
    nonce?: string;
    changed?: number;
    epoch?: string;
  }

  type Command = { id?: string } & (
    | { type: "join"; token: string; name: string; v: number; since?: Since; away?: boolean }
    | { type: "post"; nonce: string; body: string; reply_to?: number; mentions?: string[] }
    | Change
    | { type: "delete"; seq: number; reason: string }
    | { type: "rename"; name: string }
    | { type: "typing" }
    | { type: "away"; on: boolean }
    | ({ type: "history"; limit: number; before?: number; after?: number; around?: number; at?: number; seqs?: number[] } & Conditions)
    | ({ type: "search" } & Search)
    | { type: "sync"; since: number }
    | { type: "people" }
    | { type: "make"; slug: string; title: string; topic?: string }
    | { type: "describe"; title: string; topic: string }
    | { type: "make_hook"; name: string }
    | { type: "hooks" }
    | { type: "revoke_hook"; hook: string }
    | { type: "watch"; rooms: { slug: string; seq: number }[] }
    | { type: "ban"; id: string; reason: string; minutes?: number; address?: boolean }
    | { type: "unban"; id: string; reason?: string }
    | { type: "bans" }
    | { type: "delete_messages"; author: string; minutes?: number; before?: number; reason?: string }
    | { type: "lock"; on: boolean; reason?: string }
    | { type: "slow"; seconds: number; reason?: string }
  );
}

"""Limits of the wire protocol, in characters, bytes, seconds or counts."""

PROTOCOL_VERSION = 1


BODY_LIMIT = 4_000  # Characters (code points): about a printed page, after which a chat is no longer the place.


NAME_LIMIT = 40  # Characters, after normalisation.


TITLE_LIMIT = 100  # Characters of a room's title, after normalisation: a line.


TOPIC_LIMIT = 200  # Of its topic: a sentence or two.


TOKEN_LIMIT = 1_024  # Characters. Ours have about 90, or with a name and rooms 1,000; anything longer isn't one.


REQUEST_ID_LIMIT = 64  # Characters: a UUID, or another id of the client's choice.


EPOCH_LIMIT = 256  # Characters. Ours have about 115.


FRAME_LIMIT_BYTES = 64 * 1024  # The longest body, every character escaped, is 48,000 bytes.


COMMANDS_LIMIT = 20  # Commands of one request.


PAGE_LIMIT = 100  # Messages that one `history` may ask for.


AUTHORS_LIMIT = 20  # Authors in the filter of one `history`.


QUERY_LIMIT = 200  # Characters of what is searched for.


FOUND_LIMIT = 50  # Results that one `search` may ask for.


SEARCHED_LIMIT = 50  # Rooms that one `search` may name: as many as one may watch.


WELCOME_MESSAGES = 50  # The newest page in `welcome`.


WELCOME_MEMBERS = 500  # Listed by name in `welcome`; `online` counts them all.


WATCH_LIMIT = 50  # Rooms that one connection may watch: more than a list of rooms shows at once.


PEOPLE_LIMIT = 500  # People who were in a room last, in one answer.
CHOSEN_LIMIT = 20  # Members whom the writer of one message has chosen to mention.
UNREAD_LIMIT = 100  # Unread messages of one room are counted up to here.


HOOKS_LIMIT = 20  # Incoming webhooks of one room.


PULSE_SECONDS = 4  # A client gives a connection up after 2.5 pulses of silence: 10 s.


JOIN_SECONDS = 5  # From the open socket to `join`.


# Of one message, in all its reactions: 200 make a page of history 8 KB bigger, about as much as the longest body.
REACTION_KINDS_LIMIT = 20


REACTIONS_LIMIT = 200


MODERATION_REASON_LIMIT = 200  # Characters: a sentence for the record.


SLOW_LIMIT_SECONDS = 3_600  # Slow mode's slowest: a message an hour.


BAN_LIMIT_MINUTES = 10 * 366 * 24 * 60  # Ten years; a longer ban is one without an end.


TYPING_SECONDS = 3  # `typing` of one member is passed on at most this often.

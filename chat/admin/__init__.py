"""/admin: rooms, messages, bans and the audit log, for moderators.

An account with the permission `chat.moderate_room` has the same rights here as in a room, by the same functions.
Actions take effect in the rooms at once: they are announced after the commit.
"""

from chat.admin import audit, bans, bots, hooks, messages, outgoing_hooks, revocations, rooms

__all__ = ["audit", "bans", "bots", "hooks", "messages", "outgoing_hooks", "revocations", "rooms"]

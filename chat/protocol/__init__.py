"""The wire, version 1: commands that clients send, events that the server sends, limits and codes.

A client frame is one JSON object, a command. A server frame is one JSON array of events. docs/protocol.md is the
same in words; a test holds the two together. Nothing here does any I/O.
"""

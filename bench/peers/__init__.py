"""The chats that Chatty is measured against, each written as its own documentation recommends."""

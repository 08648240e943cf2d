"""Chatty beside other chats: the same load on each of them, in one run. `bin/bench --help`."""

"""The chat of Channels' tutorial (part 3, the asynchronous consumer), on Daphne and channels_redis.

To that, only what every system in the benchmark does is added: a join that is answered with the roster and the newest
messages, both held in memory, and told to the others. Run it with Daphne:

    PORT=8000 REDIS_URL=redis://127.0.0.1:6379/0 DJANGO_SETTINGS_MODULE=bench.peers.tutorial.settings \\
        python -m daphne -b 127.0.0.1 -p $PORT bench.peers.tutorial.asgi:application
"""

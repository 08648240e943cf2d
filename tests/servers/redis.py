"""Redis."""

import redis

from tests.servers.machine import program
from tests.servers.process import Server


class RedisServer(Server):
    """A Redis that keeps nothing on disk: a restart empties it. `options` are Redis' own: `maxmemory="2mb"`."""

    name = "redis"

    def __init__(self, **options: str) -> None:
        super().__init__()
        self.options = options

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> "redis.Redis":
        """A synchronous client, for looking inside."""
        return redis.Redis.from_url(self.url, socket_timeout=5, decode_responses=True)

    def command(self) -> list[str]:
        binary = program("redis-server", "redis-server")
        listen = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        options = [part for name, value in self.options.items() for part in (f"--{name}", *value.split())]
        return [binary, *listen, "--save", "", "--appendonly", "no", "--daemonize", "no", *options]

    def is_ready(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False


def redis_server(**options: str) -> RedisServer:
    return RedisServer(**options)

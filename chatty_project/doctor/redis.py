"""Each Redis: whether it can be reached and written, delivers messages, keeps what it has, and answers in time."""

import asyncio
import secrets
import time
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError

from chat.cluster.redis_presence import RedisPresence
from chat.rooms.readiness import redis_words
from chatty_project import env
from chatty_project.doctor.findings import Finding, ok, problem, warning

ANSWER_SECONDS = 2
SLOW_SECONDS = 0.01  # For one command. A delivery to other workers needs one.
RIGHTS = "expected the rights ~chatty* &chatty* +@all"


async def look(environment: env.Environment) -> list[Finding]:
    """The findings about all of them."""
    urls = environment[env.REDIS_URL]
    found = [finding for url in urls for finding in await _look(url)]
    return found or [ok("redis", "not used: one worker has all in its memory")]


async def at_start(environment: env.Environment) -> list[Finding]:
    """The findings that bin/serve tells, too: what will bite later. An unreachable Redis is no reason not to start."""
    found: list[Finding] = []
    for url in environment[env.REDIS_URL]:
        redis = Redis.from_url(url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS)
        try:
            found += await _policy(redis, _name(url))
        except (RedisError, OSError):
            continue
        finally:
            await redis.aclose()
    return found


async def _look(url: str) -> list[Finding]:
    name = _name(url)
    redis = Redis.from_url(url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS)
    presence = RedisPresence([url])
    try:
        await redis.ping()
        began_at = time.monotonic()
        await redis.ping()
        seconds = time.monotonic() - began_at
        found = [ok("redis", f"{name}: answers in {seconds * 1000:.1f} ms")]
        if seconds > SLOW_SECONDS:
            found.append(warning("redis", f"{name} takes {seconds * 1000:.0f} ms for an answer; put it nearer"))
        [error] = await presence.try_writing()
        if error is not None:
            found.append(problem("redis", f"{name} {redis_words(error)} ({error}); {RIGHTS}"))
        if not await _delivers(redis):
            found.append(problem("redis", f"{name} delivers no messages between workers; {RIGHTS}"))
        return [*found, *await _policy(redis, name)]
    except (RedisError, OSError) as error:
        return [problem("redis", f"{name} {redis_words(error)} ({error}); expected what REDIS_URL names")]
    finally:
        await presence.close()
        await redis.aclose()


async def _delivers(redis: Redis) -> bool:
    """Whether a message to one of Chatty's channels comes back."""
    channel = f"chatty.doctor.{secrets.token_hex(8)}"
    async with redis.pubsub() as listening:
        try:
            await listening.subscribe(channel)
            async with asyncio.timeout(ANSWER_SECONDS):
                await listening.get_message(timeout=ANSWER_SECONDS)  # That it is subscribed.
                await redis.publish(channel, b"doctor")
                return await listening.get_message(timeout=ANSWER_SECONDS) is not None
        except (TimeoutError, NoPermissionError):
            return False


async def _policy(redis: Redis, name: str) -> list[Finding]:
    """What Redis does when its memory is full. Chatty's keys are small, but without them people seem gone."""
    info = await redis.info("memory")
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if not int(info.get("maxmemory", 0)) or policy in ("noeviction", "volatile-ttl"):
        return []
    words = (
        f"{name} drops keys when it is full (maxmemory-policy {policy}), then people seem gone; set it to noeviction"
    )
    return [warning("redis", words)]


def _name(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path

"""Work that takes too long, or that was cancelled, also stops in the database."""

import asyncio
import threading

import pytest
from django.db import connection, connections

from chat.log import deadline
from chat.log.deadline import CancellableQuery
from chat.protocol.errors import Refusal, RefusalCode

FOR_EVER = {
    "sqlite": "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    "postgresql": "SET statement_timeout = 0; SELECT pg_sleep(3600)",
}


def look_up(begun: threading.Event) -> None:
    try:
        with deadline.deadline("Too slow."), connection.cursor() as cursor:
            begun.set()
            cursor.execute(FOR_EVER[connection.vendor])
    finally:
        connections.close_all()


async def test_an_query_that_is_called_off_ends_its_query(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "SECONDS", 3600)
    query, begun = CancellableQuery(), threading.Event()
    work = asyncio.create_task(asyncio.to_thread(query.run, look_up, begun))
    await asyncio.to_thread(begun.wait)
    while not work.done():  # PostgreSQL may not have begun with the query yet: then there is nothing to stop.
        await asyncio.to_thread(query.call_off)
        await asyncio.wait([work], timeout=0.1)
    with pytest.raises(Refusal) as refused:
        await work
    assert refused.value.code == RefusalCode.UNAVAILABLE


async def test_an_query_that_was_called_off_asks_nothing(database: str) -> None:
    query = CancellableQuery()
    query.call_off()
    with pytest.raises(Refusal):
        await asyncio.to_thread(query.run, look_up, threading.Event())


async def test_calling_off_what_has_ended_stops_nothing_else(database: str) -> None:
    query = CancellableQuery()

    def quick() -> None:
        with deadline.deadline("Too slow."), connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    def after() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 2")
            return int(cursor.fetchone()[0])

    def both() -> int:
        query.run(quick)
        query.call_off()
        try:
            return after()
        finally:
            connections.close_all()

    assert await asyncio.to_thread(both) == 2

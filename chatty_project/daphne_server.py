"""Daphne, with a limit for readers that are slow: it writes whatever comes, and keeps it all until it is read."""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from daphne.http_protocol import WebRequest
from daphne.server import Server


class Flow:
    """A push producer of Twisted's: it is told when the transport keeps more than 64 KiB, and when all was sent."""

    def __init__(self) -> None:
        self.may_write = asyncio.Event()
        self.may_write.set()

    def pauseProducing(self) -> None:
        self.may_write.clear()

    def resumeProducing(self) -> None:
        self.may_write.set()

    stopProducing = resumeProducing


class PatientServer(Server):  # type: ignore[misc]  # Daphne has no types.
    """`send` returns when the client has read enough, as with other servers. The sender counts what waits."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._flows: WeakKeyDictionary[WebRequest, Flow] = WeakKeyDictionary()

    async def handle_reply(self, protocol: Any, message: Any) -> None:
        """Passes a reply to the client. A sender that is cancelled while it waits cuts the client off."""
        is_part = message["type"] == "http.response.body" and message.get("more_body", False)
        if not is_part and (flow := self._flows.pop(protocol, None)) is not None:
            protocol.unregisterProducer()
        await super().handle_reply(protocol, message)
        if not is_part or protocol.channel is None:
            return
        flow = self._flows.get(protocol)
        if flow is None:
            flow = self._flows[protocol] = Flow()
            protocol.registerProducer(flow, True)
            protocol.notifyFinish().addBoth(lambda _: flow.resumeProducing())
        try:
            await flow.may_write.wait()
        except asyncio.CancelledError:
            if protocol.channel is not None:
                protocol.channel.transport.abortConnection()
            raise

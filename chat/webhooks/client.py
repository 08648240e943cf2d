"""Sends a delivery to its receiver: to an address that was checked, within seconds, without following redirects."""

import asyncio
import functools
import logging
import socket
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import certifi
import httpx

from chat.webhooks.addresses import Address, AddressRefused, Network, allowed
from chat.webhooks.deliveries import Delivery, Result
from chat.webhooks.signing import DELIVERY_HEADER, SIGNATURE_HEADER, signature

logger = logging.getLogger(__name__)

EXCHANGE_SECONDS = 8  # From the look-up of the name to the answer.
CONNECT_SECONDS = 3  # To one address.
ADDRESSES_TRIED = 3  # Of a name.
ANSWER_BYTES = 4 * 1024  # Read, so that the receiver can finish. Only the status counts.
ANSWER_SECONDS = 1  # For these.


class WebhookClient:
    """`networks`: those that aren't public but allowed. `names_at_once`: a name server that hangs keeps a thread."""

    def __init__(self, networks: Sequence[Network], names_at_once: int) -> None:
        self._networks = networks
        # Of its own: names that hang in the event loop's shared threads would delay others.
        self._names = ThreadPoolExecutor(names_at_once, thread_name_prefix="webhook-names")

    async def send(self, delivery: Delivery) -> Result:
        """Sends the delivery. Returns how that ended, whatever the receiver does."""
        try:
            async with asyncio.timeout(EXCHANGE_SECONDS):
                return await self._send(delivery)
        except TimeoutError:
            return Result(f"no answer within {EXCHANGE_SECONDS} s")
        except AddressRefused:
            return Result("the address isn't public; WEBHOOK_NETWORKS doesn't allow it")
        except (socket.gaierror, UnicodeError):
            return Result("the name was not found")
        except httpx.InvalidURL:
            return Result("the URL is invalid")
        except httpx.HTTPError as error:
            return Result(f"{_words(error)}: {error}" if str(error) else _words(error))
        except Exception:
            logger.exception("A delivery to the webhook %s failed", delivery.hook.pk)
            return Result("an error of Chatty, which its log has")

    async def _send(self, delivery: Delivery) -> Result:
        url = httpx.URL(delivery.hook.url)
        certificates = await asyncio.to_thread(_certificates)
        *others, last = (await self._addresses(url))[:ADDRESSES_TRIED]
        for address in others:
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):  # Nothing was sent yet.
                return await self._post(url, address, delivery, certificates)
        return await self._post(url, last, delivery, certificates)

    async def _addresses(self, url: httpx.URL) -> list[Address]:
        """The addresses of the URL's host, if all are allowed. Looked up once: a second answer may be another one."""
        host = url.raw_host.decode("ascii")
        look_up = functools.partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._names, look_up)
        return allowed([str(address[0]) for _, _, _, _, address in found], self._networks)

    async def _post(self, url: httpx.URL, address: Address, delivery: Delivery, tls: ssl.SSLContext) -> Result:
        host = f"[{address}]" if address.version == 6 else str(address)
        body = delivery.body
        headers = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": "Chatty",
            "Accept-Encoding": "identity",
            "Connection": "close",
            "Content-Type": "application/json",
            DELIVERY_HEADER: str(delivery.id),
            SIGNATURE_HEADER: signature(delivery.hook.secret, body, int(time.time())),
        }
        # The certificate must be that of the name.
        extensions = {"sni_hostname": url.raw_host.decode("ascii").rstrip(".")}
        timeout = httpx.Timeout(EXCHANGE_SECONDS, connect=CONNECT_SECONDS)
        # Proxies of the environment would look the name up again: trust_env is off.
        async with (
            httpx.AsyncClient(verify=tls, trust_env=False, follow_redirects=False, timeout=timeout) as http,
            http.stream(
                "POST", url.copy_with(host=host), content=body, headers=headers, extensions=extensions
            ) as answer,
        ):
            await _read_some(answer)
        status = f"{answer.status_code} {answer.reason_phrase}".strip()
        return Result(status, is_delivered=answer.is_success, is_gone=answer.status_code == httpx.codes.GONE)

    def close(self) -> None:
        """Ends the threads, without waiting for name servers."""
        self._names.shutdown(wait=False, cancel_futures=True)


async def _read_some(answer: httpx.Response) -> None:
    size = 0
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(ANSWER_SECONDS):
            async for part in answer.aiter_raw():
                size += len(part)
                if size > ANSWER_BYTES:
                    return


@functools.cache
def _certificates() -> ssl.SSLContext:
    """The certificates of the system and of certifi: either may be missing some. Reading them takes 30 ms."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _words(error: httpx.HTTPError) -> str:
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return "could not connect"
        case httpx.TimeoutException():
            return "no answer in time"
        case _:
            return "the answer broke off"

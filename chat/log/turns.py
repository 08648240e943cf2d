"""A fair queue: networks take turns, and so do the members of each. Pure.

Networks are those of `client_address.client_network`.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, NamedTuple, Protocol, TypeVar


class Asker(NamedTuple):
    """A member who comes from a network."""

    network: str
    member_id: str


ITSELF = Asker("", "")  # The process, for work that no client asked for.


class Waiting(Protocol):
    """A waiting job."""

    places: set[Asker]  # The askers in whose lines it waits. Empty before and after.


W = TypeVar("W", bound=Waiting)


class Turns(Generic[W]):
    """The waiting jobs in a fair order."""

    def __init__(self) -> None:
        self._networks: OrderedDict[str, OrderedDict[str, deque[W]]] = OrderedDict()  # The next one is first.

    def count(self, network: str) -> int:
        """The number of a network's waiting jobs. The time grows with its waiting members."""
        return sum(map(len, self._networks.get(network, {}).values()))

    def put(self, asker: Asker, job: W) -> None:
        """Adds the job to the asker's line. It stays in other askers' lines."""
        if asker not in job.places:
            job.places.add(asker)
            self._networks.setdefault(asker.network, OrderedDict()).setdefault(asker.member_id, deque()).append(job)

    def take(self, may: Callable[[str], bool] = lambda network: True) -> tuple[str, W] | None:
        """Removes and returns the next job of the next network that `may` have one, or None.

        It skips only networks that may not have one.
        """
        network = next(filter(may, self._networks), None)
        if network is None:
            return None
        members = self._networks[network]
        member_id, line = next(iter(members.items()))
        self._networks.move_to_end(network)
        members.move_to_end(member_id)
        job = line[0]
        self.discard(job)
        return network, job

    def end_turn(self, network: str) -> None:
        """Puts the network behind those that came during its turn."""
        if network in self._networks:
            self._networks.move_to_end(network)

    def discard(self, job: W) -> None:
        """Removes the job from all lines, if it waits."""
        while job.places:
            network, member_id = job.places.pop()
            members = self._networks[network]
            members[member_id].remove(job)
            if not members[member_id]:
                del members[member_id]
            if not members:
                del self._networks[network]

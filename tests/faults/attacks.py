"""What kinds of attacks on a server have in common: they are chosen by chance, and what comes of them is counted."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


class Wrong(Exception):
    """The server did something that it shouldn't have; the message says what, and after which bytes."""


@dataclass
class Tally:
    """What was sent, and what came of it."""

    frames: int = 0
    requests: int = 0
    attacks: Counter[str] = field(default_factory=Counter)
    closes: Counter[int | None] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int | None] = field(default_factory=Counter)


class Attacks:
    """`kinds` of attacks, each with its weight."""

    kinds: dict[Callable[[random.Random], Awaitable[None]], int]

    def __init__(self) -> None:
        self.tally = Tally()

    async def attack(self, chance: random.Random) -> None:
        """One attack.

        Raises:
            Wrong: the server's answer was.
        """
        (attack,) = chance.choices(list(self.kinds), list(self.kinds.values()))
        self.tally.attacks[attack.__name__] += 1
        try:
            await attack(chance)
        except Wrong as error:
            raise Wrong(f"{attack.__name__}: {error}") from None

"""Networks take turns on the event loop."""

import asyncio

from chat.sessions.command_turns import COMMANDS_OF_NETWORK, CommandTurns, current_turns


async def test_a_command_begins_after_a_few_of_a_network_with_many() -> None:
    turns, order = CommandTurns(), []

    async def command(network: str) -> None:
        await turns.take(network)
        order.append(network)

    tasks = [asyncio.create_task(command(network)) for network in ["many"] * (5 * COMMANDS_OF_NETWORK) + ["one"] * 2]
    await asyncio.gather(*tasks)
    assert order[: COMMANDS_OF_NETWORK + 2] == ["many"] * COMMANDS_OF_NETWORK + ["one"] * 2
    assert len(order) == len(tasks)


async def test_commands_that_come_later_dont_pass_those_that_wait() -> None:
    turns, order = CommandTurns(), []

    async def command(number: int) -> None:
        await turns.take("a")
        order.append(number)

    tasks = [asyncio.create_task(command(number)) for number in range(3 * COMMANDS_OF_NETWORK)]
    for number in range(3 * COMMANDS_OF_NETWORK, 4 * COMMANDS_OF_NETWORK):
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(command(number)))
    await asyncio.gather(*tasks)
    assert order == sorted(order)
    assert len(order) == 4 * COMMANDS_OF_NETWORK


async def test_a_command_whose_connection_was_closed_takes_nobodys_turn() -> None:
    turns = CommandTurns()
    tasks = [asyncio.create_task(turns.take("a")) for _ in range(3 * COMMANDS_OF_NETWORK)]
    await asyncio.sleep(0)
    for task in tasks[COMMANDS_OF_NETWORK:-1]:
        task.cancel()
    await asyncio.wait(tasks)
    assert [task.cancelled() for task in tasks[COMMANDS_OF_NETWORK:]] == [True] * (2 * COMMANDS_OF_NETWORK - 1) + [
        False
    ]


async def test_nothing_runs_and_nothing_is_kept_when_no_command_waits() -> None:
    turns = CommandTurns()
    await asyncio.gather(*(turns.take(f"192.0.2.{number}") for number in range(50) for _ in range(10)))
    for _ in range(3):
        await asyncio.sleep(0)
    assert turns._next is None
    assert not turns._waiting
    assert not turns._begun
    assert current_turns() is current_turns()

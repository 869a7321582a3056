from __future__ import annotations

import asyncio

from mailgate.intake.room import Room


def test_who_finds_no_room_waits_for_it_in_turn() -> None:
    async def story() -> list[str]:
        room, order = Room(100), []

        async def visit(name: str, size: int) -> None:
            hold = await room.enter(size)
            assert hold is not None
            with hold:
                order.append(name)
                await asyncio.sleep(0)

        await asyncio.gather(visit("first", 80), visit("large", 90), visit("small", 20), visit("undeclared", 0))
        assert room.take(100)  # all of it came back
        return order

    assert asyncio.run(story()) == ["first", "undeclared", "large", "small"]


def test_who_waits_too_long_gets_no_hold_and_holds_up_nobody() -> None:
    async def story() -> None:
        room = Room(100)
        first = await room.enter(60)
        assert first is not None
        late, small = await asyncio.gather(room.enter(50, patience=0.01), room.enter(40, patience=10))
        assert late is None
        assert small is not None
        assert not room.take(1)

    asyncio.run(story())


def test_client_that_leaves_while_waiting_takes_no_room() -> None:
    async def story() -> None:
        room = Room(100)
        with await room.enter(60) or AssertionError():  # type: ignore[union-attr]
            waiting = asyncio.create_task(room.enter(50))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
        assert room.take(100)

    asyncio.run(story())


def test_hold_grows_while_there_is_room_and_not_beyond() -> None:
    async def story() -> None:
        room = Room(100)
        hold = await room.enter(10)
        assert hold is not None
        with hold:
            assert hold.grow(5)
            assert hold.grow(100)
            assert not hold.grow(101)
        assert room.take(100)

    asyncio.run(story())


def test_mail_holds_its_room_until_its_commit_has_ended() -> None:
    async def story() -> None:
        room = Room(100)
        commit: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        hold = await room.enter(100)
        assert hold is not None
        with hold:
            hold.until(commit)
        assert not room.take(1)
        commit.set_result(None)
        await asyncio.sleep(0)
        assert room.take(100)

    asyncio.run(story())

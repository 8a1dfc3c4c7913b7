"""What many ask for at once is made once."""

from __future__ import annotations

import asyncio

from server.single_flight import SingleFlight


class Maker:
    """Makes numbers, one after another, when it is let go on."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.made = 0

    async def make(self) -> int:
        self.made += 1
        await self.go.wait()
        return self.made


def test_many_who_ask_at_once_get_what_is_made_once() -> None:
    async def test() -> None:
        flight, maker = SingleFlight[int](), Maker()
        asking = [asyncio.create_task(flight.do("key", maker.make)) for _ in range(5)]
        await asyncio.sleep(0)
        maker.go.set()
        assert await asyncio.gather(*asking) == [1] * 5
        assert await flight.do("key", maker.make) == 2

    asyncio.run(test())


def test_another_key_is_made_beside() -> None:
    async def test() -> None:
        flight, maker = SingleFlight[int](), Maker()
        asking = [asyncio.create_task(flight.do(key, maker.make)) for key in "ab"]
        await asyncio.sleep(0)
        maker.go.set()
        await asyncio.gather(*asking)
        assert maker.made == 2

    asyncio.run(test())


def test_one_who_goes_away_takes_nothing_from_the_others() -> None:
    async def test() -> None:
        flight, maker = SingleFlight[int](), Maker()
        first, second = (asyncio.create_task(flight.do("key", maker.make)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        maker.go.set()
        assert await second == 1

    asyncio.run(test())


def test_what_goes_wrong_is_told_to_everyone_and_tried_again_for_the_next() -> None:
    async def test() -> None:
        flight = SingleFlight[int]()

        async def fail() -> int:
            await asyncio.sleep(0)
            raise LookupError

        async def answer() -> int:
            return 7

        told = await asyncio.gather(
            *(flight.do("key", fail) for _ in range(3)), return_exceptions=True
        )
        assert [type(problem) for problem in told] == [LookupError] * 3
        assert await flight.do("key", answer) == 7

    asyncio.run(test())

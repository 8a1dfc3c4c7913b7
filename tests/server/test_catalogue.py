"""The catalogue as the server keeps it, and what is made of it for clients."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from nodes.api import Catalogue, catalogue_of
from server.catalogue import KnownNodes
from tests.server.http.serving import keep, twice


def test_what_is_made_of_a_catalogue_is_made_once_and_anew_for_the_next(tmp_path: Path) -> None:
    made: list[str] = []

    def names(catalogue: Catalogue) -> dict[str, Any]:
        made.append(catalogue.hash)
        return {"names": sorted(catalogue.specs)}

    async def test() -> None:
        known = KnownNodes(tmp_path / "catalogue.json")
        await known.replace(catalogue_of(twice).to_json())
        old = await known.get()
        texts = await asyncio.gather(*(known.told(old, "names", names) for _ in range(5)))
        texts.append(await known.told(old, "names", names))
        assert set(texts) == {b'{"names":["Twice"]}'}
        assert made == [old.hash]

        await known.replace(catalogue_of(twice, keep).to_json())
        new = await known.get()
        # Who asked before the new one came is told of the one that it has the tag of.
        assert json.loads(await known.told(old, "names", names)) == {"names": ["Twice"]}
        for _ in range(2):
            assert json.loads(await known.told(new, "names", names)) == {"names": ["Keep", "Twice"]}
        assert made == [old.hash, old.hash, new.hash]

    asyncio.run(test())

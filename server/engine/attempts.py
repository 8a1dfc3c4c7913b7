"""Calling a node's function, and thriftier ones when memory runs out."""

import logging
import re
from collections.abc import Mapping
from typing import Any

from nodes.api.spec import NodeSpec
from nodes.errors import OutOfMemory
from server.engine.host import Call, Host, NodeContext, Teller

LOG = logging.getLogger("weft.engine")

# "Tried to allocate 2.00 GiB. GPU 0 has …", "you tried to allocate 4096 bytes. Error code 12 …".
_ASKED = re.compile(r"tried to allocate ([0-9.]+ [A-Za-z]+)", re.IGNORECASE)


def call(
    spec: NodeSpec, given: Mapping[str, Any], host: Host, teller: Teller, telling: Call
) -> Any:
    """Call a node's function with its arguments, and return what it returns.

    When memory runs out it is freed, and the next thriftier variant is called. Without one the
    function itself is called again: it may fit by then.

    Raises:
        OutOfMemory: If none of them fits.
    """
    assert spec.function is not None
    variants = (spec.function, *(spec.thriftier or (spec.function,)))
    saves, asked = telling.saves, ""
    for number, function in enumerate(variants):
        try:
            return function(**given)
        except Exception as error:
            if not isinstance(error, OutOfMemory) and not host.out_of_memory(error):
                raise
            LOG.warning("%s ran out of memory", spec.id, exc_info=True)
            asked = _asked_for(error)
        # Outside of the handler, so that the traceback no longer holds what the call had made.
        host.free_memory()
        telling.saves = saves
        if number + 1 < len(variants):
            how = "a thriftier way, which is slower" if spec.thriftier else "freed memory"
            message = f"{spec.title} ran out of memory and was run again with {how}."
            NodeContext(host, teller, telling).warn(message, "Use a smaller size or batch.")
    raise OutOfMemory(
        f"{spec.title} needs more memory than the device has{asked}.",
        "Use a smaller size or batch, or a tiled variant of the node.",
    )


def _asked_for(error: Exception) -> str:
    """Say how much was asked for in vain, as far as torch tells."""
    found = _ASKED.search(str(error))
    return f": the last {found[1]} that it asked for were not there" if found else ""

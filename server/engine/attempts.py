"""Calling a node's function, and thriftier ones when memory runs out."""

import logging
from collections.abc import Mapping
from typing import Any

from nodes.api.spec import NodeSpec
from nodes.errors import OutOfMemory
from server.engine.host import Call, Host, NodeContext, Teller

LOG = logging.getLogger("weft.engine")


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
    saves = telling.saves
    for number, function in enumerate(variants):
        try:
            return function(**given)
        except Exception as error:
            if not isinstance(error, OutOfMemory) and not host.out_of_memory(error):
                raise
            LOG.warning("%s ran out of memory", spec.id, exc_info=True)
        # Outside of the handler, so that the traceback no longer holds what the call had made.
        host.free_memory()
        telling.saves = saves
        if number + 1 < len(variants):
            how = "a thriftier way, which is slower" if spec.thriftier else "freed memory"
            message = f"{spec.title} ran out of memory and was run again with {how}."
            NodeContext(host, teller, telling).warn(message, "Use a smaller size or batch.")
    raise OutOfMemory(
        f"{spec.title} needs more memory than the device has.",
        "Use a smaller size or batch, or a tiled variant of the node.",
    )

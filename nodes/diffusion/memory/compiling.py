"""Networks as torch compiles them: slow to begin with, then faster at every step.

What was compiled is kept on disk where `TORCHINDUCTOR_CACHE_DIR` says.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from nodes.diffusion.memory.by_layer import work_place
from nodes.diffusion.patches.patch import Call, replaced
from nodes.errors import NodeError

# Each backend with the kinds of devices that it is for; none named is all.
BACKENDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"inductor": (), "cudagraphs": ("cuda",)}
)


@contextmanager
def compiled(network: nn.Module, call: Call, *, backend: str) -> Iterator[None]:
    """Call a network as it is compiled; its first call, and the first in a new form, compile it.

    Args:
        network: Any.
        call: Not looked at.
        backend: One of `BACKENDS`.

    Raises:
        NodeError: As `compiled_calls` does.
    """
    with compiled_calls(network, backend):
        yield


@contextmanager
def compiled_calls(network: nn.Module, backend: str) -> Iterator[None]:
    """Have a module called as it is compiled for as long as the context lasts.

    Raises:
        NodeError: If the device is none for the backend, or if the network cannot be compiled.
    """
    kind, kinds = work_place(network)[0].type, BACKENDS[backend]
    if kinds and kind not in kinds:
        raise NodeError(
            f"{backend} compiles for {' and '.join(kinds)} only; this model works on {kind}.",
            "Choose inductor.",
            "compile.device",
        )
    with replaced(network, "_compiled_call_impl", partial(_call, network, backend)):
        yield


def _call(network: nn.Module, backend: str, *args: Any, **named: Any) -> Any:
    from torch._dynamo.exc import BackendCompilerFailed, TorchDynamoException

    try:
        return _compiler(backend)(network, *args, **named)
    except BackendCompilerFailed as error:
        # A process that was ended while it compiled has left half a library.
        if not isinstance(error.inner_exception, ImportError | OSError):
            raise _told(error) from error
    except TorchDynamoException as error:
        raise _told(error) from error
    _forget()
    try:
        return _compiler(backend)(network, *args, **named)
    except TorchDynamoException as error:
        raise _told(error) from error


def _forget() -> None:
    """Let go of everything that was compiled, on disk as well."""
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    torch._dynamo.reset()
    shutil.rmtree(cache_dir(), ignore_errors=True)


def _told(error: Exception) -> NodeError:
    first = next(iter(str(error).splitlines()), "")
    return NodeError(
        f"The model could not be compiled: {first[:300]}",
        "Compiling needs a C++ compiler, and on a GPU Triton: install it, or leave the node out.",
        "compile.failed",
    )


@cache
def _compiler(backend: str) -> Callable[..., Any]:
    """Compile what calls a network: networks of one form then share what was made for the first."""
    function: Callable[..., Any] = torch.compile(_forward, backend=backend)
    return function


def _forward(network: nn.Module, *args: Any, **named: Any) -> Any:
    return type(network).forward(network, *args, **named)

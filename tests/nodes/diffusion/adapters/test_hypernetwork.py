"""Hypernetworks: read from files, put before keys and values, and taken off again."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nodes.diffusion.adapters.hypernetwork import projections, read_hypernetwork
from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.errors import FileProblem, NodeError
from nodes.patches import hypernetwork_loader
from nodes.types import Model
from tests.nodes.diffusion.tiny_sampling import prompt, reader, tiny_model
from tests.nodes.folder_context import FolderContext

X = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))


def layers(width: int, seed: int, normed: bool = False) -> dict[str, Tensor]:
    """Make the weights of width -> 2 * width -> width, named by their places in a sequence."""
    torch.manual_seed(seed)
    first, last = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
    second = 3 if normed else 2
    found: dict[str, nn.Module] = {"linear.0": first, f"linear.{second}": last}
    if normed:
        found["linear.2"] = nn.LayerNorm(2 * width)
    return {
        f"{name}.{kind}": weight.detach()
        for name, layer in found.items()
        for kind, weight in layer.state_dict().items()
    }


def written(root: Path, content: dict[Any, Any]) -> FolderContext:
    (root / "hypernetworks").mkdir(exist_ok=True)
    torch.save(content, root / "hypernetworks" / "a.pt")
    return FolderContext(root)


def estimated(model: Model) -> Tensor:
    prompts = fit_conditionings((prompt(1),), model.sampling, X, 8)
    return denoise(model, X, 3.0, prompts)[0]


@pytest.mark.parametrize(
    ("told", "normed"),
    [
        ({"activation_func": "relu"}, False),
        ({"activation_func": "relu", "is_layer_norm": True}, True),
        ({"activation_func": "swish", "activate_output": True}, False),
    ],
)
def test_a_file_is_built_as_it_was_trained(
    tmp_path: Path, told: dict[str, Any], normed: bool
) -> None:
    weights = layers(16, 1, normed)
    ctx = written(tmp_path, {16: [weights, layers(16, 2)], "step": 3, **told})
    keys, _ = read_hypernetwork(ctx.files.path("hypernetworks", "a.pt")).of(torch.zeros(1, 16))
    x = torch.randn(3, 16, generator=torch.Generator().manual_seed(3))
    act = nn.functional.relu if told["activation_func"] == "relu" else nn.functional.hardswish
    inner = act(x @ weights["linear.0.weight"].T + weights["linear.0.bias"])
    if normed:
        given = weights["linear.2.weight"], weights["linear.2.bias"]
        inner = nn.functional.layer_norm(inner, (32,), *given)
    last = "linear.3" if normed else "linear.2"
    expected = inner @ weights[f"{last}.weight"].T + weights[f"{last}.bias"]
    expected = act(expected) if told.get("activate_output") else expected
    torch.testing.assert_close(keys(x), expected)


def test_keys_and_values_are_changed_by_their_own_and_nothing_is_left(tmp_path: Path) -> None:
    pair = [layers(16, 1), layers(16, 2)]
    ctx = written(tmp_path, {16: pair, "activation_func": "linear", "name": "a"})
    model = tiny_model()
    plain = estimated(model)
    made = estimated(hypernetwork_loader(model, "a.pt", 0.5, ctx=ctx))
    assert not torch.allclose(made, plain, atol=1e-4)
    assert torch.equal(estimated(model), plain)
    assert torch.equal(estimated(hypernetwork_loader(model, "a.pt", 0.0, ctx=ctx)), plain)
    # Without activations it is one more matrix before that of each projection.
    merged = deepcopy(model.network)
    for layer, which in projections(merged, frozenset({16})):
        one = pair[which]
        change = one["linear.2.weight"] @ one["linear.0.weight"]
        shift = one["linear.2.weight"] @ one["linear.0.bias"] + one["linear.2.bias"]
        matrix = layer.weight.detach()
        layer.weight = nn.Parameter(matrix @ (torch.eye(16) + 0.5 * change))
        layer.bias = nn.Parameter(0.5 * matrix @ shift)
    torch.testing.assert_close(
        made, estimated(replace(model, network=merged)), rtol=1e-4, atol=1e-4
    )


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    model = tiny_model()
    for content, sentence in (
        ({"step": 1}, "no hypernetwork"),
        ({16: [{}, {}]}, "no hypernetwork"),
        ({16: 5}, "no hypernetwork"),
        ({7: [layers(7, 1), layers(7, 2)]}, "changes nothing"),
        ({16: [layers(16, 1)] * 2, "activation_func": "gamma"}, "activation gamma"),
    ):
        ctx = written(tmp_path, content)
        with pytest.raises(FileProblem, match=sentence):
            hypernetwork_loader(model, "a.pt", ctx=ctx)
    ctx = written(tmp_path, {16: [layers(16, 1)] * 2})
    with pytest.raises(NodeError, match="works on U-Nets"):
        hypernetwork_loader(reader()[0], "a.pt", ctx=ctx)

"""LoRA files change what they say, under every name, and leave the model that they start from."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor, nn

from nodes.diffusion.adapters.lora import clip_with_lora, model_with_lora, read_lora
from nodes.diffusion.files import ldm_keys
from nodes.diffusion.memory.by_layer import bring
from nodes.diffusion.memory.modules import copy_sharing
from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.text.tokenizer import clip_vocabulary
from nodes.errors import FileProblem
from nodes.loaders import lora_loader, lora_loader_model_only
from nodes.types import Clip, LatentFormat, Lora, Model
from tests.nodes.diffusion.tiny_models import UNET, tiny_parts
from tests.nodes.diffusion.transformer_files import original, transformer
from tests.nodes.folder_context import FolderContext

QUERY = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
OUT = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0"
CONVOLUTION = "mid_block.resnets.0.conv1"
TEXT_QUERY = "encoder.layers.1.self_attn.q_proj"
RANK = 2


def model() -> Model:
    sampling = ModelSampling.from_betas()
    return Model(tiny_parts().unet, sampling, LatentFormat(4, 1.0), "float32", "tiny")


def clip() -> Clip:
    return Clip(tiny_parts().text_encoder, clip_vocabulary(), "tiny")


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def weight(network: Any, module: str) -> Tensor:
    found: Tensor = network.get_submodule(module).weight
    return found


def factors(network: Any, module: str) -> tuple[Tensor, Tensor]:
    """Random low-rank factors that fit a module: down, up."""
    shape = weight(network, module).shape
    if len(shape) == 4:
        return random(RANK, *shape[1:]), random(shape[0], RANK, 1, 1)
    return random(RANK, shape[1]), random(shape[0], RANK)


def ldm_name(module: str) -> str:
    (name,) = ldm_keys.unet_to_ldm({f"{module}.weight": torch.zeros(0)}, UNET, "")
    return name.removesuffix(".weight")


def kohya(path: str) -> str:
    return f"lora_unet_{path.replace('.', '_')}"


NAMES: list[tuple[Callable[[str], str], str, str]] = [
    (kohya, ".lora_down.weight", ".lora_up.weight"),
    (lambda m: kohya(ldm_name(m)), ".lora_down.weight", ".lora_up.weight"),
    (lambda m: f"unet.{m}", ".lora_A.weight", ".lora_B.weight"),
    (lambda m: f"unet.{m}", ".lora.down.weight", ".lora.up.weight"),
    (lambda m: f"unet.{m}", ".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
    (lambda m: f"base_model.model.{m}", ".lora_A.default.weight", ".lora_B.default.weight"),
    (lambda m: f"lycoris_{m.replace('.', '_')}", ".lora_down.weight", ".lora_up.weight"),
    (
        lambda m: f"unet.{m}".replace("attn1.", "attn1.processor.").replace("to_out.0", "to_out"),
        "_lora.down.weight",
        "_lora.up.weight",
    ),
]


@pytest.mark.parametrize(("name", "down", "up"), NAMES)
def test_every_naming_changes_the_same_weights(
    tmp_path: Path, name: Callable[[str], str], down: str, up: str
) -> None:
    tensors: dict[str, Tensor] = {}
    for module in (QUERY, OUT):
        tensors[name(module) + down], tensors[name(module) + up] = factors(model().network, module)
    save_file(tensors, tmp_path / "a.safetensors")
    lora = read_lora(tmp_path / "a.safetensors")
    changed, used = model_with_lora(model(), lora, 0.5)
    assert used == lora.changes.keys()
    for module in (QUERY, OUT):
        lowered, raised = factors(model().network, module)
        expected = weight(model().network, module) + 0.5 * raised @ lowered
        assert torch.allclose(weight(changed.network, module), expected, atol=1e-6)


def lora_of(**parts: Tensor) -> Lora:
    return Lora("a.safetensors", "key", {f"unet.{QUERY}": parts})


def test_alpha_scales_by_the_rank() -> None:
    down, up = factors(model().network, QUERY)
    plain, _ = model_with_lora(model(), lora_of(lora_down=down, lora_up=up), 1.0)
    scaled, _ = model_with_lora(
        model(), lora_of(lora_down=down, lora_up=up, alpha=torch.tensor(1.0)), RANK
    )
    assert torch.allclose(weight(plain.network, QUERY), weight(scaled.network, QUERY), atol=1e-6)


def test_convolutions_change_too_plain_and_in_tucker_form() -> None:
    network = model().network
    down, up = factors(network, CONVOLUTION)
    name = f"unet.{CONVOLUTION}"
    plain = Lora("a", "key", {name: {"lora_down": down, "lora_up": up}})
    expected = torch.einsum("or,rihw->oihw", up[..., 0, 0], down)
    changed, _ = model_with_lora(model(), plain, 1.0)
    difference = weight(changed.network, CONVOLUTION) - weight(network, CONVOLUTION)
    assert torch.allclose(difference, expected, atol=1e-5)
    inward = random(RANK, weight(network, CONVOLUTION).shape[1], 1, 1)
    middle = random(RANK, RANK, 3, 3)
    tucker = Lora("a", "key", {name: {"lora_down": inward, "lora_up": up, "lora_mid": middle}})
    changed, _ = model_with_lora(model(), tucker, 1.0)
    # A convolution by each factor in turn is a convolution by their product.
    x = random(1, inward.shape[1], 5, 5)
    by_turns = torch.conv2d(torch.conv2d(torch.conv2d(x, inward), middle, padding=1), up)
    difference = weight(changed.network, CONVOLUTION) - weight(network, CONVOLUTION)
    assert torch.allclose(torch.conv2d(x, difference, padding=1), by_turns, atol=1e-3)


def test_hadamard_products_are_known() -> None:
    out, into = weight(model().network, QUERY).shape
    parts = {
        "hada_w1_a": random(out, RANK),
        "hada_w1_b": random(RANK, into),
        "hada_w2_a": random(out, RANK) + 1,
        "hada_w2_b": random(RANK, into) - 1,
    }
    changed, _ = model_with_lora(model(), lora_of(**parts), 1.0)
    first, second = (parts[f"hada_w{i}_a"] @ parts[f"hada_w{i}_b"] for i in (1, 2))
    difference = weight(changed.network, QUERY) - weight(model().network, QUERY)
    assert torch.allclose(difference, first * second, atol=1e-5)


def test_the_model_it_starts_from_stays_and_shares_the_rest() -> None:
    given = model()
    before = {name: tensor.clone() for name, tensor in given.network.state_dict().items()}
    down, up = factors(given.network, QUERY)
    lora = lora_of(lora_down=down, lora_up=up)
    once, _ = model_with_lora(given, lora, 1.0)
    twice, _ = model_with_lora(once, lora, 1.0)
    for name, tensor in given.network.state_dict().items():
        assert torch.equal(tensor, before[name])
        shared = twice.network.state_dict()[name].data_ptr() == tensor.data_ptr()
        assert shared == (name != f"{QUERY}.weight")
    gone = weight(twice.network, QUERY) - weight(once.network, QUERY)
    assert torch.allclose(gone, up @ down, atol=1e-5)
    assert len({given.key, once.key, twice.key}) == 3


def test_the_text_encoder_changes_under_the_names_of_trainers(tmp_path: Path) -> None:
    down, up = factors(clip().encoder, TEXT_QUERY)
    for name in (
        "lora_te_text_model_" + TEXT_QUERY.replace(".", "_"),
        f"text_encoder.{TEXT_QUERY}",
    ):
        tensors = {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
        save_file(tensors, tmp_path / "a.safetensors")
        changed, used = clip_with_lora(clip(), read_lora(tmp_path / "a.safetensors"), 1.0)
        assert used
        difference = weight(changed.encoder, TEXT_QUERY) - weight(clip().encoder, TEXT_QUERY)
        assert torch.allclose(difference, up @ down, atol=1e-5)


def test_trainers_names_mean_what_diffusers_takes_them_to_mean(tmp_path: Path) -> None:
    down, up = factors(model().network, QUERY)
    name = kohya(QUERY)
    tensors = {
        f"{name}.lora_down.weight": down,
        f"{name}.lora_up.weight": up,
        f"{name}.alpha": torch.tensor(1.0),
    }
    save_file(tensors, tmp_path / "a.safetensors")
    network = type(tiny_parts().unet)(**UNET)
    network.load_state_dict(tiny_parts().unet.state_dict())
    found, alphas = StableDiffusionPipeline.lora_state_dict(tmp_path / "a.safetensors")
    StableDiffusionPipeline.load_lora_into_unet(found, network_alphas=alphas, unet=network)
    ours, _ = model_with_lora(model(), read_lora(tmp_path / "a.safetensors"), 1.0)
    x, t, text = random(1, 4, 8, 8), torch.tensor([7]), random(1, 3, 16)
    expected = network(x, t, text).sample
    changed: Any = ours.network
    assert torch.allclose(changed(x, t, text).sample, expected, atol=1e-5)
    assert not torch.allclose(tiny_parts().unet(x, t, text).sample, expected, atol=1e-3)


def test_a_file_for_another_model_is_told() -> None:
    wrong = lora_of(lora_down=random(RANK, 3), lora_up=random(5, RANK))
    with pytest.raises(FileProblem, match="made for another model"):
        model_with_lora(model(), wrong, 1.0)


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        ({"lora_unet_a.glora_a": torch.zeros(1)}, "no LoRA of a kind"),
        ({"conv.weight": torch.zeros(1)}, "no LoRA of a kind"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, tensors: dict[str, Tensor], sentence: str) -> None:
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(FileProblem, match=sentence):
        read_lora(tmp_path / "a.safetensors")


def test_a_change_of_a_bias_that_is_not_there_is_told() -> None:
    with pytest.raises(FileProblem, match="made for another model"):
        model_with_lora(model(), lora_of(diff_b=random(16)), 1.0)


@pytest.mark.parametrize(
    "parts",
    [
        {"lora_down": random(RANK, 16)},
        {"dora_scale": random(16, 1)},
        {"lora_down": random(RANK, 16), "lora_up": random(16, RANK + 1)},
    ],
)
def test_half_a_change_is_damage(parts: dict[str, Tensor]) -> None:
    with pytest.raises(FileProblem, match="is not whole"):
        model_with_lora(model(), lora_of(**parts), 1.0)


def test_strength_zero_gives_the_model_back() -> None:
    given, text = model(), clip()
    down, up = factors(given.network, QUERY)
    made, used = model_with_lora(given, lora_of(lora_down=down, lora_up=up), 0.0)
    assert made is given
    assert used == {f"unet.{QUERY}"}
    of_text = {"lora_te_text_model_" + TEXT_QUERY.replace(".", "_"): {"diff": random(16, 16)}}
    assert clip_with_lora(text, Lora("a", "key", of_text), 0.0)[0] is text


def test_each_of_two_text_encoders_gets_its_own_change() -> None:
    pair = replace(clip(), second=tiny_parts().text_encoder, second_tokenizer=clip_vocabulary())
    names = [f"lora_te{n}_text_model_{TEXT_QUERY.replace('.', '_')}" for n in (1, 2)]
    differences = [torch.ones(16, 16), torch.full((16, 16), 2.0)]
    changes = {name: {"diff": each} for name, each in zip(names, differences, strict=True)}
    changed, used = clip_with_lora(pair, Lora("a", "key", changes), 0.5)
    assert used == set(names)
    for encoder, difference in zip((changed.encoder, changed.second), differences, strict=True):
        gone = weight(encoder, TEXT_QUERY) - weight(pair.encoder, TEXT_QUERY)
        assert torch.allclose(gone, 0.5 * difference, atol=1e-6)
    only_second, used = clip_with_lora(pair, Lora("a", "key", {names[1]: changes[names[1]]}), 1.0)
    assert only_second.encoder is pair.encoder
    assert used == {names[1]}


def test_biases_and_norms_change_by_whole_differences(tmp_path: Path) -> None:
    norm = "mid_block.resnets.0.norm1"
    tensors = {
        f"{kohya(CONVOLUTION)}.diff": random(16, 16, 3, 3),
        f"{kohya(CONVOLUTION)}.diff_b": random(16),
        f"{kohya(norm)}.w_norm": random(16) + 1,
        f"{kohya(norm)}.b_norm": random(16) - 1,
    }
    save_file(tensors, tmp_path / "a.safetensors")
    changed, _ = model_with_lora(model(), read_lora(tmp_path / "a.safetensors"), 0.5)
    before, after = model().network.state_dict(), changed.network.state_dict()
    for name, difference in (
        (f"{CONVOLUTION}.weight", random(16, 16, 3, 3)),
        (f"{CONVOLUTION}.bias", random(16)),
        (f"{norm}.weight", random(16) + 1),
        (f"{norm}.bias", random(16) - 1),
    ):
        assert torch.allclose(after[name] - before[name], 0.5 * difference, atol=1e-6)


def test_diffusers_files_tell_their_alpha_in_the_header(tmp_path: Path) -> None:
    down, up = factors(model().network, QUERY)
    StableDiffusionPipeline.save_lora_weights(
        tmp_path,
        unet_lora_layers={f"{QUERY}.lora_A.weight": down, f"{QUERY}.lora_B.weight": up},
        weight_name="a.safetensors",
        unet_lora_adapter_metadata={"r": RANK, "lora_alpha": 6},
    )
    changed, _ = model_with_lora(model(), read_lora(tmp_path / "a.safetensors"), 1.0)
    difference = weight(changed.network, QUERY) - weight(model().network, QUERY)
    assert torch.allclose(difference, 6 / RANK * up @ down, atol=1e-5)


def transformer_model(name: str) -> Model:
    return Model(transformer(name), ModelSampling.from_betas(), LatentFormat(16, 1.0), "x", name)


@pytest.mark.parametrize(("name", "block"), [("flux", "double_blocks"), ("sd3", "joint_blocks")])
@pytest.mark.parametrize("naming", ["kohya", "dotted"])
def test_fused_layers_of_transformers_change_as_in_their_originals(
    tmp_path: Path, name: str, block: str, naming: str
) -> None:
    start = "diffusion_model."
    before = {n: t.clone() for n, t in original(transformer(name), start).items()}
    chosen = [n for n in before if f".{block}.0." in n and n.endswith(".weight")]
    chosen += [n for n in before if ".linear1.weight" in n or "final_layer.adaLN" in n]
    chosen = [n for n in chosen if n.endswith(".weight") and before[n].ndim == 2]
    tensors: dict[str, Tensor] = {}
    for path in chosen:
        module = path.removesuffix(".weight")
        if naming == "kohya":
            module = "lora_unet_" + module.removeprefix(start).replace(".", "_")
        out, into = before[path].shape
        tensors |= {f"{module}.lora_down.weight": random(RANK, into)}
        tensors |= {f"{module}.lora_up.weight": random(out, RANK)}
    save_file(tensors, tmp_path / "a.safetensors")
    lora = read_lora(tmp_path / "a.safetensors")
    changed, used = model_with_lora(transformer_model(name), lora, 0.5)
    assert used == lora.changes.keys()
    assert len(used) > 5
    after = original(changed.network, start)
    for path, tensor in before.items():
        change = torch.zeros_like(tensor)
        if path in chosen:
            change = 0.5 * random(tensor.shape[0], RANK) @ random(RANK, tensor.shape[1])
        assert torch.allclose(after[path] - tensor, change, atol=1e-4), path


def test_transformers_change_by_their_names_in_diffusers(tmp_path: Path) -> None:
    module = "transformer_blocks.0.attn.to_q"
    down, up = factors(transformer("flux"), module)
    tensors = {f"transformer.{module}.lora_A.weight": down}
    tensors |= {f"transformer.{module}.lora_B.weight": up}
    save_file(tensors, tmp_path / "a.safetensors")
    changed, used = model_with_lora(
        transformer_model("flux"), read_lora(tmp_path / "a.safetensors"), 1.0
    )
    assert used
    difference = weight(changed.network, module) - weight(transformer("flux"), module)
    assert torch.allclose(difference, up @ down, atol=1e-5)


def test_a_change_of_weights_in_8_bits_is_not_rounded_away() -> None:
    given = model()
    network = copy_sharing(given.network)
    query: Any = network.get_submodule(QUERY)
    query.weight = nn.Parameter(query.weight.to(torch.float8_e4m3fn), requires_grad=False)
    bring(query, torch.device("cpu"), torch.float32)
    kept = query.weight
    little = 0.01 * kept
    changed, _ = model_with_lora(replace(given, network=network), lora_of(diff=little), 1.0)
    assert torch.allclose(weight(changed.network, QUERY) - kept, little, atol=1e-6)


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    (tmp_path / "loras").mkdir()
    return FolderContext(tmp_path)


def write(host: FolderContext, *modules: str) -> None:
    parts = tiny_parts()
    tensors: dict[str, Tensor] = {}
    for name in modules:
        kind, _, module = name.partition(".")
        network = parts.unet if kind == "unet" else parts.text_encoder
        known = kind in ("unet", "text_encoder")
        down, up = factors(network, module) if known else (torch.ones(1, 1), torch.ones(1, 1))
        tensors |= {f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up}
    save_file(tensors, host.root / "loras" / "a.safetensors")


def test_the_node_changes_both_parts(host: FolderContext) -> None:
    write(host, f"unet.{QUERY}", f"text_encoder.{TEXT_QUERY}")
    made = lora_loader(model(), clip(), "a.safetensors", ctx=host)
    assert not torch.equal(weight(made.model.network, QUERY), weight(model().network, QUERY))
    assert not torch.equal(
        weight(made.clip.encoder, TEXT_QUERY), weight(clip().encoder, TEXT_QUERY)
    )
    assert not host.warnings


def test_the_node_for_the_model_only_leaves_text_out_in_silence(host: FolderContext) -> None:
    write(host, f"unet.{QUERY}", f"text_encoder.{TEXT_QUERY}")
    made = lora_loader_model_only(model(), "a.safetensors", ctx=host)
    assert not torch.equal(weight(made.network, QUERY), weight(model().network, QUERY))
    assert not host.warnings


def test_changes_that_nothing_took_are_told(host: FolderContext) -> None:
    write(host, f"unet.{QUERY}", "elsewhere.layer")
    lora_loader(model(), clip(), "a.safetensors", ctx=host)
    assert host.warnings == [
        "1 of 2 changes in a.safetensors were not used, elsewhere.layer among them."
    ]
    write(host, "elsewhere.layer")
    with pytest.raises(FileProblem, match="changes nothing"):
        lora_loader(model(), clip(), "a.safetensors", ctx=host)

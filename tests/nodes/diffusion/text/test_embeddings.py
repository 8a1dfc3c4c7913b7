"""Textual inversions are words of a prompt, whose vectors an encoder reads as its own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel

from nodes.diffusion.text.embeddings import read_embedding, with_embeddings
from nodes.diffusion.text.encoding import encode
from nodes.diffusion.text.tokenizer import vocabulary
from nodes.errors import FileProblem, NodeError
from nodes.text import clip_text_encode, clip_text_encode_sdxl
from nodes.types import Clip
from tests.nodes.diffusion.tiny_models import TEXT, tiny_parts, tiny_vocabulary
from tests.nodes.folder_context import FolderContext

WIDE: dict[str, Any] = TEXT | {"hidden_size": 24}


def clip() -> Clip:
    own = tiny_vocabulary()
    words = vocabulary(own["vocab"], [(left, right) for left, right in own["merges"]])
    return Clip(tiny_parts().text_encoder, words, "tiny")


def pair() -> Clip:
    torch.manual_seed(1)
    second: Any = CLIPTextModel(CLIPTextConfig(**WIDE))
    one = clip()
    second = second.requires_grad_(False).eval()
    return replace(one, second=second, second_tokenizer=one.tokenizer)


def vectors_of(encoder: Any, *ids: int) -> Tensor:
    table: Tensor = encoder.embeddings.token_embedding.weight
    return table[list(ids)].clone()


def letters(text: str) -> list[int]:
    return list(clip().tokenizer.ids(text))


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    (tmp_path / "embeddings" / "sub").mkdir(parents=True)
    return FolderContext(tmp_path)


def write(host: FolderContext, name: str, **tensors: Tensor) -> None:
    save_file(tensors, host.root / "embeddings" / name)


@pytest.mark.parametrize(
    "prompt", ["c embedding:cat d", "c, embedding:cat, d", "c (embedding:cat:1.3) d"]
)
def test_a_word_of_known_vectors_is_what_these_words_are(host: FolderContext, prompt: str) -> None:
    # Learned vectors that are those of two words: the prompt with them must be the same prompt.
    write(host, "cat.safetensors", emb_params=vectors_of(clip().encoder, *letters("ab f")))
    made = clip_text_encode(prompt, clip(), ctx=host).parts[0]
    plain = clip_text_encode(prompt.replace("embedding:cat", "ab f"), clip()).parts[0]
    assert torch.allclose(made.embeds, plain.embeds, atol=1e-6)
    assert made.pooled is not None
    assert plain.pooled is not None
    assert torch.allclose(made.pooled, plain.pooled, atol=1e-6)


def test_learned_vectors_stand_at_their_places(host: FolderContext) -> None:
    write(host, "cat.safetensors", emb_params=torch.randn(3, 16))
    written = clip_text_encode("c embedding:cat d", clip(), ctx=host).parts[0].embeds
    without = clip_text_encode("c d", clip()).parts[0].embeds
    # The mark and "c" come before, and each token sees only what stands before it.
    assert torch.allclose(written[:, :2], without[:, :2], atol=1e-6)
    assert not torch.allclose(written[:, 2:5], without[:, 2:5], atol=1e-3)


def test_several_embeddings_keep_apart_and_repeat(host: FolderContext) -> None:
    encoder = clip().encoder
    write(host, "one.safetensors", emb_params=vectors_of(encoder, *letters("c d e")))
    write(host, "two.safetensors", **{"<two>": vectors_of(encoder, *letters("f"))[0]})
    prompt = "embedding:two g embedding:one embedding:two"
    made = clip_text_encode(prompt, clip(), ctx=host).parts[0].embeds
    plain = clip_text_encode("f g c d e f", clip()).parts[0].embeds
    assert torch.allclose(made, plain, atol=1e-6)


def test_each_of_two_encoders_reads_its_own_vectors(host: FolderContext) -> None:
    both = pair()
    write(
        host,
        "xl.safetensors",
        clip_l=vectors_of(both.encoder, *letters("c d")),
        clip_g=vectors_of(both.second, *letters("c d")),
    )
    made = clip_text_encode("a embedding:xl", both, ctx=host).parts[0].embeds
    assert torch.allclose(made, encode(both, "a c d")[0], atol=1e-6)
    apart = (
        clip_text_encode_sdxl(both, text_l="a embedding:xl", text_g="b", ctx=host).parts[0].embeds
    )
    assert torch.allclose(apart, encode(both, "a c d", "b")[0], atol=1e-6)


def test_the_vectors_of_a_word_stay_in_one_chunk(host: FolderContext) -> None:
    write(host, "three.safetensors", emb_params=torch.randn(3, 16))
    both, apart = (
        clip_text_encode(prompt, clip(), ctx=host).parts[0].embeds
        for prompt in ("c " * 74 + "embedding:three", "embedding:three")
    )
    assert both.shape == (1, 154, 16)
    assert torch.allclose(both[:, 77:], apart, atol=1e-6)


def test_an_encoder_without_vectors_passes_the_word_over(host: FolderContext) -> None:
    both = pair()
    write(host, "old.safetensors", emb_params=vectors_of(both.encoder, *letters("c d")))
    made = clip_text_encode("a embedding:old", both, ctx=host).parts[0].embeds
    assert torch.allclose(made, encode(both, "a c d", "a")[0], atol=1e-6)


def test_the_encoder_that_came_in_stays_as_it_is() -> None:
    given = clip()
    before = encode(given, "a b")[0]
    taught = with_embeddings(given, {"embedding:cat": {16: torch.randn(2, 16)}})
    assert not torch.allclose(encode(taught, "a embedding:cat")[0], before, atol=1e-3)
    assert torch.equal(encode(given, "a b")[0], before)
    assert taught.tokenizer is not given.tokenizer
    assert with_embeddings(given, {}) is given


@pytest.mark.parametrize("name", ["cat", "cat.safetensors", "sub/dog", "dog", "cat."])
def test_files_are_found_by_what_prompts_call_them(
    name: str, monkeypatch: pytest.MonkeyPatch, host: FolderContext
) -> None:
    write(host, "cat.safetensors", emb_params=torch.zeros(1, 16))
    write(host, "sub/dog.safetensors", emb_params=torch.zeros(1, 16))
    listed = ["cat.safetensors", "sub/dog.safetensors"]
    monkeypatch.setattr(type(host.files), "names", lambda self, kind: listed)
    made = clip_text_encode(f"embedding:{name}", clip(), ctx=host).parts[0].embeds
    assert not torch.allclose(made, encode(clip(), "")[0], atol=1e-3)


@pytest.mark.parametrize("wrapped", [True, False], ids=["with training notes", "bare"])
def test_a_pickled_embedding_is_read_for_its_vectors_alone(
    wrapped: bool, host: FolderContext
) -> None:
    vectors = torch.nn.Parameter(vectors_of(clip().encoder, *letters("d e")))
    notes = {"string_to_token": {"*": 265}, "name": "old", "step": 500}
    content = {"string_to_param": {"*": vectors}, **notes} if wrapped else {"<old>": vectors}
    torch.save(content, host.root / "embeddings" / "old.pt")
    made = clip_text_encode("c embedding:old", clip(), ctx=host).parts[0].embeds
    assert torch.allclose(made, encode(clip(), "c d e")[0], atol=1e-6)


def test_a_pickled_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save(
        {"string_to_param": {"*": torch.zeros(1, 16)}, "made_by": Path("a")}, tmp_path / "a.pt"
    )
    with pytest.raises(FileProblem, match="would run code"):
        read_embedding(tmp_path / "a.pt")


def test_a_word_that_begins_like_another_is_read_whole(host: FolderContext) -> None:
    encoder = clip().encoder
    write(host, "cat.safetensors", emb_params=vectors_of(encoder, *letters("c")))
    write(host, "cats.safetensors", emb_params=vectors_of(encoder, *letters("d e")))
    made = clip_text_encode("embedding:cat embedding:cats", clip(), ctx=host).parts[0].embeds
    assert torch.allclose(made, encode(clip(), "c d e")[0], atol=1e-6)


def test_what_is_not_there_or_does_not_fit_is_told(host: FolderContext) -> None:
    with pytest.raises(FileProblem, match="no embedding 'gone'") as refused:
        clip_text_encode("embedding:gone", clip(), ctx=host)
    assert ".pt" in refused.value.hint
    write(host, "wide.safetensors", emb_params=torch.zeros(1, 99))
    with pytest.raises(NodeError, match="vectors of 99 numbers, and the text encoder reads 16"):
        clip_text_encode("embedding:wide", clip(), ctx=host)


@pytest.mark.parametrize(
    "tensors",
    [
        {"a": torch.zeros(1, 16), "b": torch.zeros(1, 16)},
        {"emb_params": torch.zeros(1, 2, 16)},
        {"clip_l": torch.zeros(1, 16), "clip_g": torch.zeros(1, 1, 1)},
    ],
)
def test_other_files_get_a_sentence(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(FileProblem, match="no embedding of a kind"):
        read_embedding(tmp_path / "a.safetensors")

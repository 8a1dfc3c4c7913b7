"""Prompts are encoded as transformers encodes them, and weights move embeddings as documented."""

from dataclasses import replace

import pytest
import torch

from nodes.diffusion.text.encoding import chunks, encode
from nodes.diffusion.text.tokenizer import ClipVocabulary, vocabulary
from nodes.types import Clip
from tests.nodes.diffusion.tiny_models import tiny_parts, tiny_vocabulary


def words() -> ClipVocabulary:
    own = tiny_vocabulary()
    return vocabulary(own["vocab"], [(left, right) for left, right in own["merges"]])


def clip() -> Clip:
    return Clip(tiny_parts().text_encoder, words(), "tiny")


def oracle(*tokens: int) -> torch.Tensor:
    """Encode ids with their marks and padding straight through transformers."""
    ids = [38, *tokens, 39]
    ids += [39] * (77 - len(ids))
    output = tiny_parts().text_encoder(torch.tensor([ids]))
    embeds: torch.Tensor = output.last_hidden_state
    return embeds


def test_a_prompt_is_encoded_as_transformers_does() -> None:
    embeds, pooled = encode(clip(), "ab c")
    assert torch.equal(embeds, oracle(37, 20))
    assert pooled is not None
    assert torch.equal(pooled, oracle(37, 20)[:, 3])


def test_an_empty_prompt_is_one_chunk_of_padding() -> None:
    embeds, _ = encode(clip(), "")
    assert torch.equal(embeds, oracle())


def test_a_weight_moves_a_token_away_from_the_empty_prompt() -> None:
    embeds, _ = encode(clip(), "c (ab:1.5) d")
    plain, empty = oracle(20, 37, 21), oracle()
    expected = plain.clone()
    expected[:, 2] = empty[:, 2] + 1.5 * (plain[:, 2] - empty[:, 2])
    assert torch.allclose(embeds, expected, atol=1e-6)
    assert torch.equal(embeds[:, [0, 1, 3, 4, 76]], plain[:, [0, 1, 3, 4, 76]])


def test_weight_zero_is_the_empty_prompt_at_that_place() -> None:
    embeds, _ = encode(clip(), "(ab:0)")
    assert torch.allclose(embeds[:, 1], oracle()[:, 1], atol=1e-6)


def test_a_weight_of_one_changes_nothing() -> None:
    assert torch.equal(encode(clip(), "(ab:1.0) c")[0], encode(clip(), "ab c")[0])


def test_a_long_prompt_is_encoded_in_chunks() -> None:
    embeds, pooled = encode(clip(), "c " * 75 + "d e")
    assert embeds.shape == (1, 154, 16)
    assert torch.allclose(embeds[:, :77], oracle(*[20] * 75), atol=1e-6)
    assert torch.allclose(embeds[:, 77:], oracle(21, 22), atol=1e-6)
    assert pooled is not None
    assert torch.allclose(pooled, embeds[:, 76], atol=1e-6)


def test_a_prompt_that_fills_a_chunk_stays_in_it() -> None:
    assert len(chunks("c " * 75, words())) == 1
    assert len(chunks("c " * 76, words())) == 2
    assert len(chunks("", words())) == 1


def test_a_short_weighted_phrase_moves_whole_to_the_next_chunk() -> None:
    first, second = chunks("c " * 73 + "(d e f:1.2)", words())
    assert first.ids[74:] == (39, 39, 39)
    assert second.ids[:5] == (38, 21, 22, 23, 39)
    assert second.weights[:5] == (1.0, 1.2, 1.2, 1.2, 1.0)


def test_a_long_weighted_phrase_is_cut_where_the_chunk_is_full() -> None:
    first, second = chunks("c " * 70 + "(d d d d d d d d d d:1.2)", words())
    assert first.ids[-2:] == (21, 39)
    assert sum(token == 21 for token in first.ids) == 5
    assert sum(token == 21 for token in second.ids) == 5
    assert all(len(chunk.ids) == len(chunk.weights) == 77 for chunk in (first, second))


@pytest.mark.parametrize("skip", [2, 3])
def test_an_earlier_layer_is_normalised_as_the_last_one_is(skip: int) -> None:
    embeds, _ = encode(replace(clip(), skip=skip), "ab")
    encoder = tiny_parts().text_encoder
    ids = torch.tensor([[38, 37] + [39] * 75])
    states = encoder(ids, output_hidden_states=True).hidden_states
    assert len(states) == 4
    assert torch.equal(embeds, encoder.final_layer_norm(states[-skip]))
    assert not torch.allclose(embeds, oracle(37))


def test_the_last_layer_by_number_is_the_default() -> None:
    encoder = tiny_parts().text_encoder
    ids = torch.tensor([[38, 37] + [39] * 75])
    states = encoder(ids, output_hidden_states=True).hidden_states
    assert torch.allclose(encoder.final_layer_norm(states[-1]), oracle(37), atol=1e-6)

"""Files that texts name."""

import pytest

from nodes.api import file_meant, mentioned
from nodes.errors import FileProblem


def test_names_are_read_out_of_texts_once() -> None:
    prompt = "(embedding:a-1_b:1.2), embedding:x/y.safetensors embedding:a-1_b (embedding:z)"
    assert mentioned("embeddings", prompt, "embedding:other") == (
        "embedding:a-1_b",
        "embedding:x/y.safetensors",
        "embedding:z",
        "embedding:other",
    )
    assert mentioned("embeddings", "an embedding: of something") == ()


@pytest.mark.parametrize(
    ("mention", "name"),
    [
        ("embedding:cat", "cat.safetensors"),
        ("embedding:cat.safetensors", "cat.safetensors"),
        ("embedding:cat.", "cat.safetensors"),
        ("embedding:dog", "sub/dog.safetensors"),
        ("embedding:sub/dog", "sub/dog.safetensors"),
        ("embedding:sub\\dog", "sub/dog.safetensors"),
    ],
)
def test_a_file_is_meant_with_its_ending_and_folder_or_without(mention: str, name: str) -> None:
    assert file_meant("embeddings", mention, ["cat.safetensors", "sub/dog.safetensors"]) == name


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(FileProblem, match="There is no embedding 'gone'") as refused:
        file_meant("embeddings", "embedding:gone", ["cat.safetensors"])
    assert refused.value.code == "embedding.missing"

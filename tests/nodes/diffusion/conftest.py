"""Models that many tests read: written once."""

import pytest

from tests.nodes.diffusion.transformer_checkpoints import write_models
from tests.nodes.folder_context import FolderContext


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> FolderContext:
    """Give the folder of models of Stable Diffusion 3 and Flux, whole and in parts."""
    return FolderContext(write_models(tmp_path_factory.mktemp("models")))

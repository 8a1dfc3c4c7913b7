"""What flows on wires: frozen values, whose tensors nobody changes in place."""

from nodes.types.cascades import (
    CascadeStage,
    Cost,
    DiffusionUpscaler,
    UpscalerKind,
)
from nodes.types.conditioning import (
    Area,
    ClipVisionOutput,
    Cond,
    Conditioning,
    Control,
    ControlNet,
    Gligen,
    Grounding,
    TimestepsRange,
)
from nodes.types.models import (
    Clip,
    ClipVision,
    IPAdapter,
    Model,
    ModelSampling,
    StyleModel,
    TextJoin,
    Tokenizer,
    UpscaleModel,
    Vae,
)
from nodes.types.pictures import (
    Image,
    Latent,
    LatentFormat,
    Mask,
)
from nodes.types.sampling import (
    Guider,
    LatentOperation,
    Noise,
    Sampler,
    Sigmas,
)
from nodes.types.tensor_file import (
    STORED,
    Plain,
    TensorFile,
    stored,
)

__all__ = [
    "STORED",
    "Area",
    "CascadeStage",
    "Clip",
    "ClipVision",
    "ClipVisionOutput",
    "Cond",
    "Conditioning",
    "Control",
    "ControlNet",
    "Cost",
    "DiffusionUpscaler",
    "Gligen",
    "Grounding",
    "Guider",
    "IPAdapter",
    "Image",
    "Latent",
    "LatentFormat",
    "LatentOperation",
    "Mask",
    "Model",
    "ModelSampling",
    "Noise",
    "Plain",
    "Sampler",
    "Sigmas",
    "StyleModel",
    "TensorFile",
    "TextJoin",
    "TimestepsRange",
    "Tokenizer",
    "UpscaleModel",
    "UpscalerKind",
    "Vae",
    "stored",
]

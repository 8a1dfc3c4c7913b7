"""The language of nodes: what a declaration imports, and nothing of what runs it."""

from nodes.api.catalogue import Catalogue, Failure, catalogue_of
from nodes.api.context import QUIET, Cancelled, Context, Files
from nodes.api.declare import node
from nodes.api.markers import (
    JSON,
    All,
    AnyType,
    Choice,
    Colour,
    Each,
    File,
    FileName,
    Label,
    Lazy,
    Marker,
    Multiline,
    Names,
    Range,
    Seed,
)
from nodes.api.mentions import file_meant, mentioned
from nodes.api.shapes import Shape
from nodes.api.spec import InputSpec, NodeSpec, OutputSpec
from nodes.api.subgraph import Out, Subgraph, SubgraphBuilder
from nodes.api.upgrades import Drop, Fill, Rename, RenameOutput, Replace
from nodes.api.wires import Codec, DeclarationError, WireSpec, wire

__all__ = [
    "JSON",
    "QUIET",
    "All",
    "AnyType",
    "Cancelled",
    "Catalogue",
    "Choice",
    "Codec",
    "Colour",
    "Context",
    "DeclarationError",
    "Drop",
    "Each",
    "Failure",
    "File",
    "FileName",
    "Files",
    "Fill",
    "InputSpec",
    "Label",
    "Lazy",
    "Marker",
    "Multiline",
    "Names",
    "NodeSpec",
    "Out",
    "OutputSpec",
    "Range",
    "Rename",
    "RenameOutput",
    "Replace",
    "Seed",
    "Shape",
    "Subgraph",
    "SubgraphBuilder",
    "WireSpec",
    "catalogue_of",
    "file_meant",
    "mentioned",
    "node",
    "wire",
]

"""JSON in its shortest form, text as it is: one encoder for all that is written often."""

import json

packed = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

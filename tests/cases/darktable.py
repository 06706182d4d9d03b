"""What darktable asks of a noiseprofiles.json, version 0, as a JSON schema of our own; and pictures by darktable."""

import shutil
import struct
import subprocess

import numpy as np
import pytest

from n2nf_core.export.profiles import MAKERS

NAME = r"[a-zA-Z0-9_\- ()*]+"


def record(**fields):
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def listed(items, least):
    return {"type": "array", "items": items, "minItems": least, "uniqueItems": True}


THREE = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
PROFILE = record(
    name={"type": "string", "pattern": rf"^{NAME} iso [0-9]{{2,7}}$", "minLength": 9, "maxLength": 38},
    iso={"type": "integer", "minimum": 1, "maximum": 2048000},
    a=THREE,
    b=THREE,
)
MODEL = record(
    comment={"type": "string"},
    model={"type": "string", "pattern": f"^{NAME}$", "minLength": 2, "maxLength": 30},
    profiles=listed(PROFILE, 4),
)
SCHEMA = record(
    version={"enum": [0]},
    noiseprofiles=listed(record(maker={"enum": list(MAKERS)}, models=listed(MODEL, 1)), 1),
)


SIDECAR = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:darktable="http://darktable.sf.net/" darktable:xmp_version="5"
   darktable:auto_presets_applied="1" darktable:history_end="1" darktable:iop_order_version="2">
   <darktable:history><rdf:Seq>
    <rdf:li darktable:num="0" darktable:operation="denoiseprofile" darktable:enabled="1" darktable:modversion="11"
     darktable:params="%s"/>
   </rdf:Seq></darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""
"""Non-local means with the noise profile that darktable finds for the camera: a of red is -1."""


def developed(dng, profiles, folder):
    """The picture of a DNG that darktable denoises with a noiseprofiles.json: (H, W, 3)."""
    program = shutil.which("darktable-cli")
    if program is None:
        pytest.skip("no raw developer: install darktable")
    from skimage.io import imread

    settings = struct.pack("<8f3f3fi84f4i", 1, 7, 1, 1, 0, 0, 0.1, 1, -1, -1, -1, *[0] * 4, *[0.5] * 84, *[1] * 4)
    folder.mkdir()
    (folder / "settings.xmp").write_text(SIDECAR % settings.hex())
    places = ["--configdir", folder / "config", "--cachedir", folder / "cache", "--library", ":memory:"]
    core = ["--core", *places, "--disable-opencl", "--noiseprofiles", profiles]
    subprocess.run(
        [program, dng, folder / "settings.xmp", folder / "out.png", *core], check=True, capture_output=True, timeout=120
    )
    return imread(folder / "out.png").astype(np.float64)

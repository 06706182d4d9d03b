"""Camera RAW and DNG files: frames decoded by LibRaw, levels and settings from the tags."""

from n2nf_core.importers.camera_raw.reader import SUFFIXES, read_raws

__all__ = ["SUFFIXES", "read_raws"]

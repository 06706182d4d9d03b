"""TIFF stacks: their series and pages, what tags state, and what ImageJ, OME and MicroManager write beside them."""

from n2nf_core.importers.tiff.reader import SUFFIXES, read_tiff

__all__ = ["SUFFIXES", "read_tiff"]

"""FITS stacks: their images, what headers state, and the sizes that headers declare."""

from n2nf_core.importers.fits.reader import SUFFIXES, read_fits

__all__ = ["SUFFIXES", "read_fits"]

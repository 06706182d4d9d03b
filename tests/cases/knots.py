"""Two cameras with ISO knots of their own."""

from n2nf_core.cameras import IsoKnots

CAMERAS, ISOS = ("IP", "S6"), {"IP": (100, 800), "S6": (100, 400, 3200)}


def knots():
    return IsoKnots(CAMERAS, ISOS)

"""Sources that the importers read -> stored bursts, with several processes that can be stopped and go on."""

from n2nf_core.importers.conversion.convert import (
    CORES,
    Converted,
    SourcesFailed,
    convert,
    convert_part,
    parts_of,
    store,
)  # fmt: skip

__all__ = ["CORES", "Converted", "SourcesFailed", "convert", "convert_part", "parts_of", "store"]

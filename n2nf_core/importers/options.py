"""What the user gives about a source, in place of what its files state, as values or as texts that were typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from n2nf_core.bursts import Burst, BurstError


class Options(NamedTuple):
    """What the user gives about the frames of a source. A field is None where the files are to be believed.

    Arguments:
        camera: name of the camera.
        iso: ISO setting.
        black: black level in DN, one value or four by position in the sensor's 2x2 cell.
        white: white level in DN.
        cfa: colour filter of the 2x2 cell, one of ``raw.CFAS``.
    """

    camera: str | None = None
    iso: float | None = None
    black: float | Sequence[float] | None = None
    white: float | None = None
    cfa: str | None = None

    def given(self) -> dict:
        """The fields that are not None, by name."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    def applied(self, burst: Burst) -> Burst:
        """``burst`` with these options in place of its own settings.

        Errors: BurstError for another CFA, and for new levels if the burst's clean reference or NLF are in units of its
        own.
        """
        if self.cfa is not None and self.cfa != burst.cfa:
            raise BurstError(
                f"{burst.scene}: the stored burst is {burst.cfa}, and its CFA cannot become {self.cfa}: "
                "convert the source again"
            )
        levels = self.black is not None or self.white is not None
        if levels and not (burst.clean is None and burst.nlf is None):
            raise BurstError(
                f"{burst.scene}: its clean reference or NLF fix its black and white level: do not give black or white"
            )
        return replace(burst, **self.given()) if self.given() else burst


def options_of(given: Mapping[str, object]) -> Options:
    """The options that are given; an empty text, or None, leaves an option to what the file states.

    Arguments:
        given: name of an option -> text or value. A black level may be four numbers, separated by spaces or commas.
            Other names are ignored.

    Errors: BurstError for a text that should be a number and is none.

    >>> options_of({"black": "64 72, 64 72", "white": "1023", "cfa": ""})
    Options(camera=None, iso=None, black=[64.0, 72.0, 64.0, 72.0], white=1023.0, cfa=None)
    """
    read = {"camera": str, "iso": _number, "black": _level, "white": _number, "cfa": str}
    found = {}
    for name, value in given.items():
        value = value.strip() if isinstance(value, str) else value
        if name not in read or value is None or value == "":
            continue
        try:
            found[name] = read[name](value)
        except (TypeError, ValueError):
            what = "one number or four" if name == "black" else "a number"
            raise BurstError(f"{name} must be {what}, got {value!r}") from None
    return Options(**found)


def _number(value: object) -> float:
    return float(value)


def _level(value: object) -> float | list[float]:
    parts = value.replace(",", " ").split() if isinstance(value, str) else value
    numbers = [float(part) for part in parts] if isinstance(parts, (list, tuple)) else [float(parts)]
    if len(numbers) not in (1, 4):
        raise ValueError
    return numbers[0] if len(numbers) == 1 else numbers

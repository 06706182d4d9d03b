"""What the user gives about a source, in place of what its files state."""

from __future__ import annotations

from collections.abc import Sequence
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

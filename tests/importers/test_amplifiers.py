"""A sensor that is read out through several amplifiers is told from one that is not."""

import numpy as np
import pytest

from n2nf_core.importers.amplifiers import amplifier_note


def planes(rows=0.0, columns=0.0, structure=0.0):
    """A frame with steps in the middle, in DN, on noise of 4 DN and a scene of sharp edges."""
    rng = np.random.default_rng(0)
    edges = structure * (rng.random((4, 40, 48)) > 0.5).cumsum(1).cumsum(2) % 7
    frame = 1000 + rng.normal(0, 4, (4, 40, 48)) + edges
    frame[:, 20:] += rows
    frame[:, :, 24:] += columns
    return frame.round().astype(np.uint16)


@pytest.mark.parametrize(
    ("steps", "seams"),
    [({"rows": 60}, "row"), ({"columns": -60}, "column"), ({"rows": 60, "columns": 90}, "row and column")],
)
def test_a_step_in_the_middle_is_told(steps, seams):
    (note,) = amplifier_note(planes(**steps))
    assert f"at the middle {seams}:" in note


@pytest.mark.parametrize("steps", [{}, {"structure": 30.0}, {"rows": 2.0}])
def test_noise_and_scenes_are_no_amplifiers(steps):
    assert amplifier_note(planes(**steps)) == []


def test_opposite_steps_in_the_two_halves_do_not_hide_each_other():
    frame = planes()
    frame[:, 20:, :24] += 60
    frame[:, 20:, 24:] -= 60
    assert "middle row" in amplifier_note(frame)[0]


def test_small_and_uneven_frames_are_left_alone():
    assert amplifier_note(planes(rows=60)[:, 13:27]) == amplifier_note(planes(rows=60)[:, 1:]) == []

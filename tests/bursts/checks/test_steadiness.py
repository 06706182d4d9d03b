"""What changes from frame to frame has its verdict: the light, the scene, and the noise of single frames."""

import numpy as np
import pytest
from cases.poisson_bursts import burst_in_dn, exposed, texture
from numpy.lib.stride_tricks import sliding_window_view

from n2nf_core.bursts import find


def changed(where, value):
    frames = exposed(texture())
    frames[where] = value
    return frames


def smoothed(size):
    frames = np.pad(exposed(texture()), ((0, 0), (0, 0), (0, size - 1), (0, size - 1)), mode="edge")
    return sliding_window_view(frames, (size, size), axis=(2, 3)).mean((4, 5)).round().astype(np.uint16)


def averaged(count, frame, share=1.0):
    """A burst of ``count`` frames, one of which is mixed with the mean of the others."""
    frames = exposed(texture(), count).astype(np.float64)
    others = np.delete(frames, frame, 0).mean(0)
    frames[frame] = share * others + (1 - share) * frames[frame]
    return np.round(frames).astype(np.uint16)


LIGHT = np.linspace(-1, 1, 6)[:, None, None, None]
WALK = np.stack([texture(120, 96)[:, t : 96 + t] for t in range(6)])
BANDS = (1 + 0.03 * np.sin(np.arange(96) / 15 + np.arange(6)[:, None]))[:, None, :, None]
BAD = {
    "drift": (lambda: exposed(texture() * (1 + 0.04 * LIGHT)), {}, "drift", "warn"),
    "another exposure": (lambda: exposed(texture() * np.array((1, 1, 2, 1, 1, 1))[:, None, None, None]), {}, "drift",
                         "refuse"),
    "flicker": (lambda: exposed(500 * np.broadcast_to(BANDS, (6, 4, 96, 96))), {}, "flicker", "warn"),
    "filtered": (lambda: smoothed(3), {}, "correlation", "refuse"),
    "walk": (lambda: exposed(WALK), {}, "growth", "refuse"),
    "something moves": (lambda: changed(np.s_[3, :, :24, :24], exposed(texture(seed=1), 1)[0, :, :24, :24]), {},
                        "motion", "warn"),
    "the mean of two": (lambda: averaged(3, 1), {}, "noise of single frames", "refuse"),
    "the mean of nine": (lambda: averaged(10, 9), {}, "noise of single frames", "refuse"),
    "denoised a little": (lambda: averaged(6, 0, 0.2), {}, "noise of single frames", "warn"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_has_its_verdict(case):
    frames, settings, name, verdict = BAD[case]
    found = {f.name: f for f in find(burst_in_dn(frames(), **settings))}
    assert found[name].verdict == verdict and ": " in found[name].text and "\n" not in found[name].text


def test_the_frame_with_less_noise_is_named():
    for frame in (0, 4):
        (found,) = (f for f in find(burst_in_dn(averaged(5, frame))) if f.name == "noise of single frames")
        assert f"the noise of frame {frame} has 0% of" in found.text


def test_motion_in_the_other_frames_does_not_make_a_frame_look_quiet():
    frames = exposed(texture())
    frames[:3, :, :32] = exposed(texture(seed=1), 3)[:, :, :32]
    verdicts = {f.name: f.verdict for f in find(burst_in_dn(frames))}
    assert verdicts["noise of single frames"] == "ok" and verdicts["motion"] != "ok"

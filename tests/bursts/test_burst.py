"""A burst in memory: values in units, windows, what it refuses."""

import pickle

import numpy as np
import pytest
import torch
from cases.bursts import BLACK, WHITE, make
from cases.flat_bursts import flat_burst

from n2nf_core.bursts import Burst, BurstError, BurstWarning, open_burst, recordings, with_means
from n2nf_core.types import Stack


def test_planes_are_in_units_between_black_and_white():
    burst = make()
    expected = (burst.frames.astype(np.float64) - np.array(BLACK)[:, None, None]) / (
        WHITE - np.array(BLACK)[:, None, None]
    )
    planes = burst.planes(slice(None))
    assert planes.dtype == torch.float32 and planes.min() < 0
    np.testing.assert_allclose(planes, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("lazy", [False, True])
def test_planes_index_like_the_frames(stored, lazy):
    burst = open_burst(stored[1]) if lazy else stored[0]
    everything = burst.planes(slice(None))
    assert len(burst) == 5 and burst.shape == (5, 4, 12, 10)
    for index in (2, -1, slice(1, 4), slice(None, None, 2), [3, 0]):
        wanted = torch.arange(5)[index].reshape(-1)
        assert torch.equal(burst.planes(index), everything[wanted])
    with pytest.raises(IndexError):
        burst.planes(5)


def test_leave_one_out_is_the_mean_of_the_others():
    burst = make()
    planes = burst.planes(slice(None)).double()
    for t in range(5):
        others = planes[[k for k in range(5) if k != t]].mean(0)
        torch.testing.assert_close(burst.leave_one_out(t)[0].double(), others, rtol=0, atol=1e-6)
    assert burst.leave_one_out(slice(None)).shape == burst.shape


@pytest.mark.parametrize("lazy", [False, True])
def test_crop_is_a_window_in_plane_coordinates(stored, lazy):
    burst = open_burst(stored[1]) if lazy else stored[0]
    part = burst.crop(slice(2, 10), slice(1, 9)).crop(slice(1, 4))
    assert part.shape == (5, 4, 3, 8) and part.provenance["window"] == [[3, 6], [1, 9]]
    assert torch.equal(part.planes(slice(None)), stored[0].planes(slice(None))[:, :, 3:6, 1:9])
    assert np.array_equal(part.clean, stored[0].clean[:, 3:6, 1:9])
    assert torch.equal(part.leave_one_out(1), stored[0].leave_one_out(1)[:, :, 3:6, 1:9])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": np.zeros((5, 24, 20), np.uint16)}, r"packed planes \(T, 4, h, w\)"),
        ({"frames": np.zeros((5, 4, 12, 10))}, "uint16 or float32, got float64"),
        ({"cfa": "GRBG"}, "unify it first"),
        ({"iso": 0.0}, "ISO must be a positive number"),
        ({"iso": float("nan")}, "ISO must be a positive number"),
        ({"white": 66.0}, "white level 66 must lie above black level 66"),
        ({"white": float("nan")}, "white level nan"),
        ({"black": (1.0, 2.0)}, "one number or four"),
        ({"clean": np.zeros((4, 6, 5), np.float32)}, r"clean is \(4, 6, 5\)"),
    ],
)
def test_a_burst_refuses(changes, message):
    with pytest.raises(BurstError, match=f"desk: .*{message}"):
        make(**changes)


@pytest.mark.parametrize("kind", [BurstError, BurstWarning])
def test_a_message_is_one_line_that_can_be_printed_whatever_a_file_is_called(kind):
    said = kind("a\nb\udcff \x1b[1m ü: copy it")
    assert str(said) == r"a\nb\udcff \x1b[1m ü: copy it"
    assert str(pickle.loads(pickle.dumps(said))) == str(said)


def test_saturated_fraction_counts_values_at_white():
    burst = make()
    assert burst.saturated_fraction() == 0
    burst.frames[:, 0] = int(WHITE)
    assert burst.saturated_fraction() == 0.25


def test_reference_is_the_clean_signal_or_the_mean_of_the_others():
    known, unknown = flat_burst(), flat_burst(clean=False)
    assert torch.equal(known.reference(), torch.full((4, 4, 32, 32), 0.5))
    frames = unknown.planes(slice(None))
    torch.testing.assert_close(unknown.reference()[1], frames[[0, 2, 3]].mean(0))


@pytest.mark.parametrize("lazy", [False, True])
def test_means_take_the_place_of_the_clean_image(stored, lazy):
    burst = open_burst(stored[1]) if lazy else stored[0]
    (whole,), parts = with_means(burst, 5), with_means(burst, 2)
    planes = burst.planes(slice(None))
    np.testing.assert_allclose(whole.clean, planes.mean(0), atol=1e-6)
    assert [len(part) for part in parts] == [2, 2] and whole.shape == burst.shape
    for k, part in enumerate(parts):
        assert torch.equal(part.planes(slice(None)), planes[2 * k : 2 * k + 2])
        np.testing.assert_allclose(part.clean, planes[2 * k : 2 * k + 2].mean(0), atol=1e-6)


def test_one_frame_and_its_reference_are_those_of_the_burst(stored):
    for burst in (stored[0], open_burst(stored[1])):
        assert torch.equal(burst.frame(3).planes(0), burst.planes(3)) and len(burst.frame(3)) == 1
        assert burst.frame(3).black == burst.black
        for index in (2, -1, slice(1, 4), [3, 0]):
            wanted = torch.arange(5)[index].reshape(-1)
            assert torch.equal(burst.reference(index), burst.reference()[wanted])


def test_recordings_hand_on_bursts_that_are_not_read(stored):
    ((camera, iso, burst),) = recordings([open_burst(stored[1])])
    assert (camera, iso) == (stored[0].camera, stored[0].iso) and isinstance(burst, Burst) and isinstance(burst, Stack)


def test_one_dn_is_the_step_between_neighbouring_integers():
    burst = make()
    above = Burst(burst.frames + 1, burst.black, burst.white, burst.cfa, burst.camera, burst.iso, burst.scene)
    difference = above.planes(0)[0] - burst.planes(0)[0]
    torch.testing.assert_close(difference, burst.step.expand_as(difference), rtol=1e-3, atol=0)

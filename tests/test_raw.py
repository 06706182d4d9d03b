"""Packing, CFA unification, levels."""

import numpy as np
import pytest
import torch

from n2nf_core import raw

BAYER = ("RGGB", "GRBG", "GBRG", "BGGR")


def colours(cfa: str, height: int, width: int) -> np.ndarray:
    """A mosaic whose pixels say what they are: R 0, Gr 1, Gb 2, B 3."""
    cell = np.array([*cfa]).reshape(2, 2)
    red_row = int(np.argwhere(cell == "R")[0][0])
    code = {("R", True): 0, ("G", True): 1, ("G", False): 2, ("B", False): 3}
    return np.array([[code[cell[r % 2, c % 2], r % 2 == red_row] for c in range(width)] for r in range(height)])


def test_pack_takes_the_cell_in_raster_order():
    mosaic = np.arange(4 * 6).reshape(4, 6)
    planes = raw.pack(mosaic)
    assert planes.shape == (4, 2, 3)
    for k, (i, j) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        assert np.array_equal(planes[k], mosaic[i::2, j::2])


@pytest.mark.parametrize("make", [np.arange, torch.arange])
def test_unpack_inverts_pack_with_leading_dimensions(make):
    mosaic = make(2 * 3 * 4 * 10).reshape(2, 3, 4, 10)
    assert bool((raw.unpack(raw.pack(mosaic)) == mosaic).all())
    assert raw.pack(mosaic).shape == (2, 3, 4, 2, 5)


@pytest.mark.parametrize("cfa", BAYER)
def test_unify_brings_every_pattern_to_r_gr_gb_b(cfa):
    planes = raw.pack(raw.unify(colours(cfa, 8, 10), cfa))
    assert [np.unique(plane).tolist() for plane in planes] == [[0], [1], [2], [3]]


@pytest.mark.parametrize(("cfa", "lost"), [("RGGB", (0, 0)), ("GRBG", (0, 2)), ("GBRG", (2, 0)), ("BGGR", (2, 2))])
def test_unify_crops_and_never_flips(cfa, lost):
    mosaic = np.arange(8 * 10).reshape(8, 10)
    kept = raw.unify(mosaic, cfa)
    assert kept.shape == (8 - lost[0], 10 - lost[1])
    assert (np.diff(kept, axis=0) == 10).all() and (np.diff(kept, axis=1) == 1).all()
    assert kept[0, 0] == mosaic[lost[0] // 2, lost[1] // 2]


def test_mono_stays_whole():
    mosaic = np.arange(24).reshape(4, 6)
    assert np.array_equal(raw.unify(mosaic, "MONO"), mosaic)
    assert raw.unified("MONO") == "MONO" and raw.unified("BGGR") == "RGGB"


@pytest.mark.parametrize("cfa", BAYER)
def test_levels_follow_their_pixels(cfa):
    by_position = colours(cfa, 2, 2).reshape(-1)  # the level of each position names its colour
    assert raw.unify_levels(by_position, cfa) == (0, 1, 2, 3)


@pytest.mark.parametrize(("pattern", "name"), [((0, 1, 1, 2), "RGGB"), (b"\x01\x00\x02\x01", "GRBG")])
def test_cfa_name_reads_tag_33422(pattern, name):
    assert raw.cfa_name(pattern) == name


@pytest.mark.parametrize("pattern", [(0, 1, 2, 1), (0, 0, 0, 0), (0, 1, 1), (0, 1, 1, 7), (0, 1, 1, 2) * 9])
def test_cfa_name_refuses_what_is_not_bayer(pattern):
    with pytest.raises(ValueError, match="not a 2x2 Bayer pattern"):
        raw.cfa_name(pattern)


@pytest.mark.parametrize(("shape", "advice"), [((65, 64), "64 x 64"), ((64, 63), "64 x 62"), ((5, 7), "4 x 6")])
def test_odd_sizes_say_what_to_crop(shape, advice):
    assert raw.even(np.zeros((2, *shape))).shape == (2, *map(int, advice.split(" x ")))
    with pytest.raises(ValueError, match=f"{shape[0]} x {shape[1]}.*crop the frames to {advice}"):
        raw.pack(np.zeros(shape))
    with pytest.raises(ValueError, match=f"crop the frames to {advice}"):
        raw.unify(np.zeros(shape), "GRBG")
    with pytest.raises(ValueError, match=f"a mosaic of 1 x {shape[1]} pixels has no 2x2 cell"):
        raw.pack(np.zeros((1, shape[1])))


def test_normalise_is_affine_per_plane_and_keeps_negatives():
    planes = torch.tensor([90, 110, 130, 1000], dtype=torch.uint16).view(4, 1, 1)
    values = raw.normalise(planes, (100, 100, 120, 0), 1000)
    expected = torch.tensor([-10 / 900, 10 / 900, 10 / 880, 1.0])
    assert values.dtype == torch.float32
    torch.testing.assert_close(values.flatten(), expected)
    torch.testing.assert_close(raw.denormalise(values, (100, 100, 120, 0), 1000).flatten(), planes.flatten().float())


def test_normalise_refuses_white_at_or_below_black():
    for white in (99, 100, float("nan")):
        with pytest.raises(ValueError, match="must lie above the black level"):
            raw.normalise(torch.zeros(4, 1, 1), 100, white)


@pytest.mark.parametrize("black", [(1, 2), (1, 2, 3, 4, 5), float("nan")])
def test_black_level_is_one_or_four_numbers(black):
    with pytest.raises(ValueError, match="one number or four"):
        raw.four_levels(black)


def test_the_srgb_curve_has_its_published_points():
    codes = np.array([0, 10, 11, 128, 188, 255])
    light = np.array([0.0, 0.0030353, 0.0033465, 0.2158605, 0.5028865, 1.0])  # of 8-bit codes, IEC 61966-2-1
    assert raw.linear_from_srgb(codes / 255) == pytest.approx(light, abs=1e-6)
    assert raw.srgb_from_linear(light) == pytest.approx(codes / 255, abs=1e-5)


def test_the_srgb_curve_and_its_inverse_undo_each_other():
    values = np.linspace(0, 1, 100_001)
    assert np.abs(raw.srgb_from_linear(raw.linear_from_srgb(values)) - values).max() < 1e-5
    assert (np.diff(raw.linear_from_srgb(values)) > 0).all() and (np.diff(raw.srgb_from_linear(values)) > 0).all()

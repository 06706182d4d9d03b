"""The white level of frames whose file does not state it."""

import numpy as np
import pytest

from n2nf_core.bursts import BurstError
from n2nf_core.importers.white import extent_of, join, white_of


def clipped(dtype, limit, share=0.1, spread=90.0, shape=(2, 64, 96)):
    """Noise of which ``share`` is clipped at ``limit``."""
    frames = np.random.default_rng(0).normal(limit - spread * 1.2816 * 0.1 / share, spread, shape)
    return np.minimum(frames, limit).astype(dtype)


@pytest.mark.parametrize(
    ("frames", "white"),
    [
        (clipped(np.uint16, 4095), 4095),
        (clipped(np.uint16, 1023) * 16, 1023 * 16),  # few bits at the top of many
        (clipped(np.int32, 15892), 15892),
        (clipped(np.float32, 1.0, spread=0.05), 1.0),
        (clipped(np.uint8, 235, spread=20), 235),
        (clipped(np.uint16, 65535, spread=900), 65535),
    ],
)
def test_values_that_pile_up_at_the_maximum_are_clipped(frames, white):
    level, note = white_of(extent_of(frames), "src")
    assert level == pytest.approx(white) and "values pile up there" in note


@pytest.mark.parametrize(
    ("frames", "white"),
    [
        (np.random.default_rng(0).poisson(40, (2, 64, 96)).astype(np.uint8), 255),
        (np.random.default_rng(0).poisson(3, (2, 64, 96)).astype(np.uint8), 255),  # a steep tail is no clipping
        (np.random.default_rng(0).poisson(39000, (2, 64, 96)).astype(np.uint16), 65535),
        (np.random.default_rng(0).poisson(20000, (2, 64, 96)).astype(np.int16), 32767),
    ],
)
def test_a_container_that_is_full_tells_the_white_level(frames, white):
    level, note = white_of(extent_of(frames), "src")
    assert level == white and f"the largest number of {frames.dtype}" in note


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.random.default_rng(0).poisson(2000, (2, 64, 96)).astype(np.uint16), r"largest value, 2\d{3}.*WHITE=4095"),
        (np.random.default_rng(0).poisson(9000, (2, 64, 96)).astype(np.uint16), "WHITE=16383.*14 bits"),
        (np.random.default_rng(0).poisson(3, (2, 64, 96)).astype(np.uint16), "WHITE=4095"),
        (
            np.random.default_rng(0).binomial(6, 0.5, (2, 64, 96)).astype(np.uint16),
            "largest value, 6, ",
        ),  # a steep tail
        (np.random.default_rng(0).poisson(3, (2, 64, 96)) + 10**6, r"largest value, 1.00001e\+06.*give white in DN$"),
        (
            np.random.default_rng(0).random((2, 64, 96)),
            "frames of float64 without a white level.*largest value is 0.99",
        ),
    ],
)
def test_what_cannot_be_known_is_asked_for(frames, message):
    with pytest.raises(BurstError, match=f"^src: .*{message}"):
        white_of(extent_of(frames), "src")


def test_few_pixels_at_the_maximum_are_hot_and_not_clipped():
    frames = np.random.default_rng(0).poisson(300, (4, 64, 96)).astype(np.uint16)
    frames[:, 0, :9] = 2000
    assert not extent_of(frames).clipped
    frames[:, 0, 9] = 2000
    assert extent_of(frames).clipped


def test_the_extent_of_several_sources_is_that_of_all_frames():
    dim, bright = clipped(np.uint16, 1023), clipped(np.uint16, 4095)
    assert join(map(extent_of, (dim, bright))) == extent_of(np.concatenate([dim, bright]))
    with pytest.raises(BurstError, match="give white"):  # the pile at 1023 is not the white level of both
        white_of(
            join(map(extent_of, (dim, np.random.default_rng(0).poisson(3000, (2, 64, 96)).astype(np.uint16)))), "s"
        )


def test_values_that_are_not_finite_do_not_hide_the_range():
    frames = np.random.default_rng(0).random((2, 16, 16))
    frames[0, 0, 0] = np.nan
    assert extent_of(frames).high < 1
    frames[0, 0, 0] = np.inf
    assert not extent_of(frames).clipped

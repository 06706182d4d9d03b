"""Optics and mosaic, exactly."""

from __future__ import annotations

import numpy as np
import pytest

from n2nf_core.simulation.optics import WHITE, optics, sample_planes, samples_for


@pytest.mark.parametrize("pitch", [1, 2])
def test_every_plane_is_sampled_at_its_site_of_the_cell(pitch):
    blur, shape = 1.2, (6, 5)
    height, width = (samples_for(n, blur, pitch) for n in shape)
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    ramp = (rows + 100.0 * columns) / (2 * pitch)  # in plane pixels; optics leave a ramp as it is
    planes = sample_planes(np.stack([ramp, ramp, ramp]), shape, blur, pitch)
    y, x = np.meshgrid(np.arange(6), np.arange(5), indexing="ij")
    for plane, (dy, dx) in zip(planes, [(0, 0), (0, 0.5), (0.5, 0), (0.5, 0.5)], strict=True):
        assert plane - planes[0, 0, 0] == pytest.approx(y + dy + 100 * (x + dx))


def test_planes_take_red_green_green_blue():
    size = samples_for(4, 1.0, 1)
    rgb = np.ones((3, size, size)) * np.array([1.0, 2.0, 3.0])[:, None, None]
    assert sample_planes(rgb, (4, 4), 1.0) == pytest.approx(np.ones((4, 4, 4)) * [[[1]], [[2]], [[2]], [[3]]])


@pytest.mark.parametrize("pitch", [1, 2, 3])
@pytest.mark.parametrize("blur", [0.5, 1.0, 1.75])
def test_blur_is_in_plane_pixels(pitch, blur):
    kernel = optics(blur, pitch)
    offsets = np.arange(len(kernel)) / (2 * pitch)
    mean = kernel @ offsets
    site = (pitch**2 - 1) / 12 / (2 * pitch) ** 2
    assert kernel.sum() == pytest.approx(1)
    # a Gaussian cut at 3.5 deviations has lost 0.6 % of its variance
    assert kernel @ (offsets - mean) ** 2 - site == pytest.approx(blur**2, rel=0.01)


def test_white_of_the_camera_is_greenest():
    assert WHITE.argmax() == 1 and WHITE[1] == pytest.approx(1) and WHITE.min() > 0.3

"""Patches cut from frames in memory: mirrored with the right colours, on a device as on the host."""

from functools import partial

import numpy as np
import pytest
import torch
from cases.pairs import WINDOW, many_bursts, patch_pairs, same

from n2nf_core import raw
from n2nf_core.pairs.frame_buffers import DeviceBuffer, HostBuffer, Places


@pytest.mark.parametrize("vertical", [0, 1])
@pytest.mark.parametrize("horizontal", [0, 1])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("kind", [HostBuffer, partial(DeviceBuffer, device=torch.device("cpu"))])
def test_a_cut_is_a_mirrored_mosaic_cropped_to_the_same_cfa(vertical, horizontal, dtype, kind):
    rng = np.random.default_rng(0)
    mosaics = [rng.integers(0, 65536, size).astype(dtype) for size in ((20, 16), (14, 26))]
    buffer = kind([m.size for m in mosaics], np.dtype(dtype))
    for slot, mosaic in enumerate(mosaics):
        buffer.put(slot, slot, buffer.ready(raw.pack(mosaic)))
    top, left, size = np.array([5, 2, 0]), np.array([1, 8, 3]), 4
    frame = np.array([0, 1, 1])
    shape = np.array([(10, 8), (7, 13)])[frame]
    flips = np.full((2, 3), [[vertical], [horizontal]])
    places = Places(buffer.start[frame], *shape.T, top, left, *flips)
    for patch, f, y, x in zip(buffer.cut(places, size), frame, top, left, strict=True):
        window = mosaics[f][2 * y : 2 * y + 2 * size + 2, 2 * x : 2 * x + 2 * size + 2]
        rows = slice(1, -1) if vertical else slice(0, -2)
        columns = slice(1, -1) if horizontal else slice(0, -2)
        flipped = np.flip(window, [axis for axis, on in enumerate((vertical, horizontal)) if on])
        assert np.array_equal(patch, raw.pack(flipped[rows, columns]).astype(np.float32))


def test_a_device_s_buffer_gives_the_same_batches(monkeypatch):
    """The gather that runs on a GPU, on this machine's CPU."""
    host, device = (patch_pairs(many_bursts(), ["S6"], **WINDOW) for _ in range(2))
    expected = [host.batch(k, 1, 3) for k in range(20)]
    monkeypatch.setattr("n2nf_core.pairs.frame_buffers.buffer", DeviceBuffer)
    assert all(same(device.batch(k, 1, 3), batch) for k, batch in enumerate(expected))
    assert isinstance(device._memory.frames, DeviceBuffer)

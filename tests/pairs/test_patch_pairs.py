import contextlib
import gc
import threading
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from n2nf_core import raw
from n2nf_core.bursts import Burst, BurstError, LazyFrames, open_burst, write_burst
from n2nf_core.cameras import UnknownCameraError
from n2nf_core.pairs import PatchPairs, Reading, Sampling, frame_pairs, grid_patches
from n2nf_core.pairs.frame_buffers import DeviceBuffer, HostBuffer, Places
from n2nf_core.training import PROFILES


def make_burst(camera="S6", iso=800.0, frames=3, height=20, width=14, scene=0, clean=True):
    """Every value tells frame, plane, row and column, so that a patch tells where it is from."""
    t, c, y, x = np.meshgrid(*map(np.arange, (frames, 4, height, width)), indexing="ij")
    values = (scene * 1e6 + t * 1e5 + c * 1e4 + y * 100 + x).astype(np.float32)
    return Burst(values, 0.0, 1.0, "RGGB", camera, iso, f"scene{scene}", clean=values[0] - 0.5 if clean else None)


def patch_pairs(bursts, cameras, **options):
    """PatchPairs with the options of both records by name."""
    sampling = {k: v for k, v in options.items() if k in Sampling.__dataclass_fields__}
    reading = {k: v for k, v in options.items() if k in Reading.__dataclass_fields__}
    assert set(options) == set(sampling) | set(reading)
    return PatchPairs(bursts, cameras, Sampling(**sampling), Reading(**reading))


def test_frame_pairs():
    assert frame_pairs(4) == [(0, 1), (1, 2), (2, 3)]
    assert frame_pairs(4, 2) == [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]
    assert len(frame_pairs(20, 19)) == 190
    with pytest.raises(ValueError, match="at least 2 frames"):
        frame_pairs(1)


def test_grid_patches_tile_the_image_in_order():
    image = torch.arange(2 * 4 * 7 * 9).view(2, 4, 7, 9)
    patches = grid_patches(image, 3)
    assert patches.shape == (2 * 2 * 3, 4, 3, 3)
    assert torch.equal(patches[4], image[0, :, 3:6, 3:6])
    assert torch.equal(patches[6], image[1, :, 0:3, 0:3])
    with pytest.raises(ValueError, match="no 8x8 patch fits into planes of 7x9"):
        grid_patches(image, 8)


def test_a_batch_holds_two_frames_of_one_place_and_its_settings():
    bursts = [make_burst("S6", 800.0, scene=0), make_burst("IP", 100.0, scene=1, height=33)]
    batch = patch_pairs(bursts, ["IP", "S6"], patch=8, batch=64, frame_pairs=64, lag=2).batch(0)
    assert batch.first.shape == (64, 4, 8, 8)
    scene = (batch.first[:, 0, 0, 0] // 1e6).long()
    assert set(scene.tolist()) == {0, 1}
    assert torch.equal(batch.camera, 1 - scene)
    assert torch.equal(batch.iso, torch.where(scene == 0, 800.0, 100.0))
    frame1, frame2 = ((f[:, 0, 0, 0] % 1e6 // 1e5).long() for f in (batch.first, batch.second))
    assert (frame1 != frame2).all() and set(zip(frame1.tolist(), frame2.tolist(), strict=True)) >= {(0, 2), (2, 1)}
    place = batch.first - frame1[:, None, None, None] * 1e5
    torch.testing.assert_close(batch.second - frame2[:, None, None, None] * 1e5, place, atol=0, rtol=0)
    torch.testing.assert_close(batch.clean, place - 0.5, atol=0.1, rtol=0)
    rows, columns = (batch.first.diff(dim=d).flatten(1) for d in (2, 3))
    assert all(len(v.unique()) == 1 and v[0].abs() == 100 for v in rows)
    assert all(len(v.unique()) == 1 and v[0].abs() == 1 for v in columns)
    assert {float(v[0]) for v in rows} == {100, -100} and {float(v[0]) for v in columns} == {1, -1}


def test_places_cover_the_frame():
    loader = patch_pairs([make_burst(height=12, width=10)], ["S6"], patch=8, batch=64, frame_pairs=4)
    seen = torch.cat([loader.batch(k).first[:, 1].flatten() % 1e4 for k in range(20)]).unique()
    assert seen.tolist() == [100 * y + x for y in range(12) for x in range(9)]  # a mirrored patch is one column short


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


def test_batch_number_k_depends_on_seed_and_k_alone():
    loader, other = (patch_pairs([make_burst()], ["S6"], patch=8, batch=8, frame_pairs=2, seed=s) for s in (1, 2))
    stream = loader.batches(3, "cpu")
    assert torch.equal(next(stream).first, loader.batch(3).first)
    assert torch.equal(next(stream).first, loader.batch(4).first)
    assert not torch.equal(loader.batch(3).first, loader.batch(4).first)
    assert not torch.equal(loader.batch(3).first, other.batch(3).first)


def test_patches_of_integer_frames_are_the_burst_s_planes():
    """Other sizes, black levels per plane and values beyond 2^15, in one batch."""
    rng, bursts = np.random.default_rng(0), []
    for k, side in enumerate((9, 12)):
        frames = rng.integers(0, 65536, (2, 4, side, side + k)).astype(np.uint16)
        bursts.append(Burst(frames, (100.0, 200.5, 300.0 + k, 400.0), 60000.0 + k, "RGGB", "S6", 100.0, f"s{k}"))
    pairs = patch_pairs(bursts, ["S6"], patch=8, batch=32, frame_pairs=4)
    batches = [pairs.batch(k) for k in range(4)]
    known = [{(t, p): burst.planes(t)[0, p].unique() for t in range(2) for p in range(4)} for burst in bursts]
    found = torch.cat([f for batch in batches for f in (batch.first, batch.second)])
    for patch in found:
        homes = [k for k in known for t in range(2) if all(torch.isin(patch[p], k[t, p]).all() for p in range(4))]
        assert len(homes) == 1 and patch.dtype == torch.float32
    assert {len(f) for f in found} == {4} and found.min() < 0


def test_a_device_s_buffer_gives_the_same_batches(monkeypatch):
    """The gather that runs on a GPU, on this machine's CPU."""
    host, device = (patch_pairs(many_bursts(), ["S6"], **WINDOW) for _ in range(2))
    expected = [host.batch(k, 1, 3) for k in range(20)]
    monkeypatch.setattr("n2nf_core.pairs.frame_buffers.buffer", DeviceBuffer)
    assert all(same(device.batch(k, 1, 3), batch) for k, batch in enumerate(expected))
    assert isinstance(device._memory.frames, DeviceBuffer)


def tensors(batch):
    return [field for field in batch if field is not None]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(tensors(one), tensors(other), strict=True))


def many_bursts(frames=5, clean=True):
    return [make_burst(frames=frames, scene=k, height=12 + k, width=11, clean=clean) for k in range(6)]


WINDOW = {"patch": 8, "batch": 8, "frame_pairs": 4, "lag": 2, "cache_bytes": 3 * 4 * 17 * 11 * (8 + 4), "reuse": 2.0}


def test_frames_that_do_not_fit_pass_through_a_window():
    pairs = patch_pairs(many_bursts(), ["S6"], **WINDOW)
    residents = pairs.in_memory
    assert (residents.count, residents.batches_per_pair) == (3, 1)
    assert pairs._memory.frames.values.nbytes + pairs._memory.references.values.nbytes <= WINDOW["cache_bytes"]
    for k in range(40):
        batch = pairs.batch(k)
        scene, frame = (batch.first[:, 0, 0, 0] // 1e6).long(), (batch.first[:, 0, 0, 0] % 1e6 // 1e5).long()
        other = (batch.second[:, 0, 0, 0] % 1e6 // 1e5).long()
        there = [residents.pair(number) for number in range(k, k + 3)]
        assert len({frame.slot for pair in there for frame in (pair.first, pair.second)}) == 6
        assert len({p.clean_slot for p in there}) == 3
        resident = {(p.first.burst, *sorted((p.first.frame, p.second.frame))) for p in there}
        shown = {(s, *sorted(t)) for s, *t in zip(scene.tolist(), frame.tolist(), other.tolist(), strict=True)}
        assert shown <= resident and torch.equal(((batch.clean[:, 0, 0, 0] + 1) // 1e6).long(), scene)


def test_a_window_shows_every_burst_once_a_round_and_all_its_pairs_before_one_again():
    pairs = patch_pairs(many_bursts(), ["S6"], **WINDOW)
    per_burst = len(pairs.pairs[0])
    visits = [pairs.in_memory.pair(k) for k in range(6 * per_burst)]
    for start in range(0, len(visits), 6):
        assert {v.first.burst for v in visits[start : start + 6]} == set(range(6))
    assert len({(v.first.burst, v.first.frame, v.second.frame) for v in visits}) == len(visits)
    assert [v.first.burst for v in visits[:6]] != [v.first.burst for v in visits[6:12]]


def test_a_pair_stays_until_its_pixels_were_used_so_often():
    pairs = patch_pairs(many_bursts(), ["S6"], **{**WINDOW, "reuse": 50.0})
    pixels = np.mean([b.shape[2] * b.shape[3] for b in pairs.bursts])
    assert pairs.in_memory.batches_per_pair == round(50 * pixels / (8 * 64)) > 10
    reads = Reads(pairs.bursts)
    pairs = patch_pairs(reads.bursts, ["S6"], **{**WINDOW, "reuse": 50.0}, workers=2)
    stream = pairs.batches(0, "cpu")
    for _ in range(10 * pairs.in_memory.batches_per_pair):
        next(stream)
    stream.close()
    assert 2 * (3 + 9 - 2) <= len(reads.seen) <= 2 * (3 + 10) + pairs.reading.ahead


class Reads:
    """Bursts whose frames are read when asked for; remembers which, and how many at most wait to be used."""

    def __init__(self, bursts, fail=None):
        self.seen, self.fail, self.threads = [], fail, set()
        self.bursts = [replace(b, frames=self.lazy(k, b.frames)) for k, b in enumerate(bursts)]

    def lazy(self, burst, frames):
        def read(t):
            self.seen.append((burst, t))
            self.threads.add(threading.current_thread())
            if (burst, t) == self.fail:
                raise RuntimeError("the disk is gone")
            return frames[t]

        return LazyFrames(read, len(frames), frames.dtype, *map(range, frames.shape[2:]))


@pytest.mark.parametrize("cache_bytes", [WINDOW["cache_bytes"], 1 << 30], ids=["window", "all"])
@pytest.mark.parametrize("start", [0, 7])
def test_reading_ahead_gives_the_same_batches(cache_bytes, start):
    options = {**WINDOW, "cache_bytes": cache_bytes}
    plain = patch_pairs(many_bursts(), ["S6"], **options, workers=0)
    fresh = patch_pairs(Reads(many_bursts()).bursts, ["S6"], **options, workers=3, ahead=3)
    stream = fresh.batches(start, "cpu")
    for k in range(start, start + 25):
        assert same(next(stream), plain.batch(k)), k
        if k % 10 == 3:
            fresh.batch(k + 100)  # another reader moves the window under the stream


def test_ranks_cut_the_rows_of_the_same_batch():
    pairs = patch_pairs(many_bursts(), ["S6"], **WINDOW)
    for world in (2, 4):
        streams = [patch_pairs(many_bursts(), ["S6"], **WINDOW).batches(4, "cpu", rank, world) for rank in range(world)]
        for k in range(4, 8):
            whole = tensors(pairs.batch(k))
            for rank, share in enumerate(map(next, streams)):
                assert all(torch.equal(a, b[rank::world]) for a, b in zip(tensors(share), whole, strict=True))


def test_reading_ahead_is_bounded_and_reads_each_frame_once():
    reads = Reads(many_bursts())
    pairs = patch_pairs(reads.bursts, ["S6"], patch=8, batch=8, frame_pairs=1, workers=2, ahead=4)
    stream = pairs.batches(0, "cpu")
    next(stream)
    deadline = time.monotonic() + 30
    while len(reads.seen) < 2 + 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)  # for reads beyond the bound, which must not come
    assert len(pairs._memory.frames.contents) == 2 and len(reads.seen) == 2 + 4
    for _ in range(200):
        next(stream)
    assert sorted(reads.seen) == [(burst, t) for burst in range(6) for t in range(5)]


def test_without_workers_the_caller_reads():
    reads = Reads(many_bursts())
    stream = patch_pairs(reads.bursts, ["S6"], **WINDOW, workers=0).batches(0, "cpu")
    for _ in range(5):
        next(stream)
    assert reads.threads == {threading.current_thread()}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_frame_that_cannot_be_read_is_named(workers):
    reads = Reads(many_bursts(), fail=(4, 2))
    stream = patch_pairs(reads.bursts, ["S6"], **WINDOW, workers=workers).batches(0, "cpu")
    with pytest.raises(BurstError, match=r"scene4: frame 2 cannot be read \(the disk is gone\)"):
        for _ in range(200):
            next(stream)


@pytest.mark.parametrize("end", ["close", "forget", "fail"])
def test_threads_end_with_the_stream(end):
    reads = Reads(many_bursts(), fail=(4, 2) if end == "fail" else None)
    pairs = patch_pairs(reads.bursts, ["S6"], **WINDOW, workers=2)
    stream = pairs.batches(0, "cpu")
    with contextlib.suppress(BurstError):
        for _ in range(200 if end == "fail" else 1):
            next(stream)
    threads = reads.threads
    assert threads and threading.current_thread() not in threads
    if end == "close":
        stream.close()
    elif end == "forget":
        del stream
        gc.collect()
    for thread in threads:
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_the_fingerprint_says_what_batches_depend_on(tmp_path):
    def fingerprint(bursts, **changes):
        return patch_pairs(bursts, ["S6"], **{**WINDOW, **changes}).fingerprint()

    base, bursts = fingerprint(many_bursts()), many_bursts()
    assert fingerprint(bursts, workers=0, ahead=3) == base
    for changes in ({"seed": 1}, {"reuse": 50.0}, {"cache_bytes": 1 << 30}, {"cache_bytes": 1 << 14}, {"lag": 1}):
        assert fingerprint(bursts, **changes) != base, changes
    bursts[3].frames[0, 0, 0, 0] += 1
    assert fingerprint(bursts) != base
    stored = [open_burst(write_burst(b, tmp_path / f"{k}.burst.zarr")) for k, b in enumerate(many_bursts())]
    before = fingerprint(stored)
    assert fingerprint([b.crop(slice(0, 12)) for b in stored]) != fingerprint([b.crop(slice(0, 12)) for b in bursts])
    assert fingerprint([b.crop(slice(0, 10)) for b in stored]) != fingerprint([b.crop(slice(1, 11)) for b in stored])
    bursts[5].frames[3, 0, 0, 0] += 1  # not the first frame: a stored burst's checksum holds them all
    other = open_burst(write_burst(bursts[5], tmp_path / "other.burst.zarr"))
    assert fingerprint([*stored[:5], other]) != before


def test_bad_input_is_named():
    with pytest.raises(UnknownCameraError, match="'S6'"):
        patch_pairs([make_burst()], ["IP"], patch=8)
    with pytest.raises(ValueError, match="too small for patches of 32x32"):
        patch_pairs([make_burst()], ["S6"])
    with pytest.raises(ValueError, match="multiple of frame_pairs"):
        patch_pairs([make_burst()], ["S6"], patch=8, batch=9, frame_pairs=2)
    with pytest.raises(ValueError, match="no bursts"):
        patch_pairs([], ["S6"])


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_s_batches_can_be_drawn(profile):
    sizes = PROFILES[profile]
    side = sizes.patch + 4
    batch = patch_pairs([make_burst(height=side, width=side)], ["S6"], patch=sizes.patch, batch=sizes.batch).batch(0)
    assert batch.first.shape == (sizes.batch, 4, sizes.patch, sizes.patch)
    for config in (sizes.pretraining(0), sizes.joint_training(0), sizes.noise2noise_training(0)):
        assert config.steps in (sizes.pretrain, sizes.joint)

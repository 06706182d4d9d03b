"""Batches of patch pairs: what they hold, what they depend on, and how several processes share them."""

import numpy as np
import pytest
import torch
from cases.pairs import WINDOW, Reads, make_burst, many_bursts, patch_pairs, tensors
from cases.training import pairs

from n2nf_core.bursts import Burst, open_burst, write_burst
from n2nf_core.cameras import UnknownCameraError
from n2nf_core.pairs import grid_patches


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


def test_ranks_cut_the_rows_of_the_same_batch():
    pairs = patch_pairs(many_bursts(), ["S6"], **WINDOW)
    for world in (2, 4):
        streams = [patch_pairs(many_bursts(), ["S6"], **WINDOW).batches(4, "cpu", rank, world) for rank in range(world)]
        for k in range(4, 8):
            whole = tensors(pairs.batch(k))
            for rank, share in enumerate(map(next, streams)):
                assert all(torch.equal(a, b[rank::world]) for a, b in zip(tensors(share), whole, strict=True))


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


def test_shares_make_up_the_batch():
    loader = pairs()
    whole, shares = loader.batch(3), [loader.batch(3, rank, 2) for rank in (0, 1)]
    for name in ("first", "second", "camera", "iso", "clean"):
        assert torch.equal(getattr(whole, name)[0::2], getattr(shares[0], name))
        assert torch.equal(getattr(whole, name)[1::2], getattr(shares[1], name))

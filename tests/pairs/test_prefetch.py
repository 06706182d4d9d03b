"""Frames are read ahead: the same batches, within bounds, and threads that end."""

import contextlib
import gc
import threading
import time

import pytest
from cases.pairs import WINDOW, Reads, many_bursts, patch_pairs, same

from n2nf_core.bursts import BurstError


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


def test_reading_ahead_is_bounded_and_reads_each_frame_once():
    reads = Reads(many_bursts())
    pairs = patch_pairs(reads.bursts, ["S6"], patch=8, batch=8, frame_pairs=1, workers=2, ahead=4)
    stream = pairs.batches(0, "cpu")
    next(stream)
    deadline = time.monotonic() + 120
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
        thread.join(timeout=120)
        assert not thread.is_alive()

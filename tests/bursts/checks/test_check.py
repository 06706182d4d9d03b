"""What cannot teach a noise model is refused, and some saturation is only told."""

import numpy as np
import pytest
from cases.bursts import make

from n2nf_core.bursts import (
    Burst,
    BurstError,
    BurstWarning,
    check_burst,
)


def bad(change) -> Burst:
    frames = make().frames.astype(np.float32)
    frames = change(frames)
    return make(frames=frames)


def put(index, value):
    def change(frames):
        frames[index] = value
        return frames

    return change


@pytest.mark.parametrize(
    ("burst", "message"),
    [
        (lambda: make(count=1), "1 frame; a noisy pair needs at least two"),
        (lambda: bad(put((3, 1, 2, 2), np.nan)), "frame 3 has NaN"),
        (lambda: bad(put((4, 0, 0, 0), np.inf)), "frame 4 has NaN or infinite"),
        (lambda: bad(put(2, 500)), r"frame 2 is constant \(all values 500\)"),
        (lambda: bad(lambda f: f[[0, 1, 2, 1]]), "frames 1 and 3 are identical"),
        (lambda: make(clean=np.full_like(make().clean, np.nan)), "clean has NaN or infinite"),
        (lambda: make(white=300.0), "of the values are saturated"),
        (lambda: make(black=899.0), "lies below the black level 899"),
        (lambda: make(black=(60, 62, 899, 66)), "lies below the black level 899"),
    ],
)
def test_check_burst_refuses(burst, message):
    with pytest.raises(BurstError, match=f"desk: .*{message}") as error:
        check_burst(burst())
    assert "\n" not in str(error.value)


def test_check_burst_warns_of_some_saturation_and_passes_the_rest(recwarn):
    check_burst(make())
    check_burst(make(black=450.0, clean=None))  # half of the values negative: a dark frame is like that
    assert not recwarn.list
    burst = make(white=880.0)
    assert 0.01 < burst.saturated_fraction() < 0.05
    with pytest.warns(BurstWarning, match="of the values are saturated"):
        check_burst(burst)

"""What frames state is compared in one place: agreement, settings, levels per frame."""

import numpy as np
import pytest

from n2nf_core.bursts import BurstError, BurstWarning
from n2nf_core.importers.options import Options
from n2nf_core.importers.stated import Stated, by_setting

NAMES = [f"f{t}" for t in range(6)]


def groups(stated, **options):
    return by_setting("src", stated, NAMES[: len(stated)], Options(**options))


@pytest.mark.parametrize(
    ("name", "values", "labels"),
    [
        ("camera", ("A", "B"), ["camera A", "camera B"]),
        ("iso", (100.0, 800.0), ["ISO 100", "ISO 800"]),
        ("gain", (0.0, 300.0), ["gain 0", "gain 300"]),
        ("offset", (10.0, 20.0), ["offset 10", "offset 20"]),
        ("exposure_s", (0.01, 0.02), ["exposure 0.01 s", "exposure 0.02 s"]),
        ("filter", ("L", "R"), ["filter L", "filter R"]),
        ("kind", ("dark", "light"), ["dark", "light"]),
        ("mode", ("1x1", "2x2"), ["mode 1x1", "mode 2x2"]),
    ],
)
def test_frames_of_two_settings_become_two_groups(name, values, labels):
    one, two = (Stated(**{name: value}) for value in values)
    found = groups([one, two, one, two, two])
    assert [(g.frames, g.label) for g in found] == [([0, 2], labels[0]), ([1, 3, 4], labels[1])]
    assert [getattr(g.stated, name) for g in found] == list(values)
    assert all(f"2 settings, each of them a burst: {'; '.join(labels)}" in " ".join(g.notes) for g in found)


def test_frames_that_agree_are_one_group_without_a_note():
    (group,) = groups([Stated("A", 100.0, exposure_s=time) for time in (1.0, 1.003, 0.999, 1.006)])
    assert (group.frames, group.label, group.notes, group.shifts) == ([0, 1, 2, 3], "", [], None)


def test_options_replace_what_is_stated_before_it_is_compared():
    (group,) = groups([Stated(iso=100.0, white=1023.0), Stated(iso=800.0, white=4095.0)], iso=400.0, white=4000.0)
    assert (group.stated.iso, group.stated.white) == (400, 4000)
    assert len(groups([Stated(iso=100.0, gain=1.0)] * 2 + [Stated(iso=800.0, gain=2.0)] * 2, iso=400.0)) == 2


def test_what_only_some_frames_state_holds_for_all_with_a_note():
    (group,) = groups([Stated(iso=800.0), Stated(), Stated(iso=800.0)])
    assert group.stated.iso == 800 and "iso 800 is stated by 2 of 3 frames" in group.notes[0]
    with pytest.raises(BurstError, match="src: iso is 800 in f0 and 100 in f2, and f1 does not state it"):
        groups([Stated(iso=800.0), Stated(), Stated(iso=100.0)])


@pytest.mark.parametrize(("name", "values"), [("white", (1023.0, 4095.0)), ("cfa", ("RGGB", "BGGR"))])
def test_what_cannot_be_split_names_both_frames(name, values):
    with pytest.raises(BurstError, match=f"src: frames differ in {name}, .* in f0, .* in f1"):
        groups([Stated(**{name: value}) for value in values])


def test_a_frame_without_a_second_one_of_its_setting():
    with pytest.warns(BurstWarning, match="src: left out, because no other frame has their setting: f2"):
        (group,) = groups([Stated(kind="light"), Stated(kind="light"), Stated(kind="dark")])
    assert group.frames == [0, 1] and "left out" in group.notes[-1]
    with pytest.raises(BurstError, match="src: frames differ, ISO 100 in f0, ISO 800 in f1"):
        groups([Stated(iso=100.0), Stated(iso=800.0)])


@pytest.mark.parametrize(
    ("blacks", "dtype"), [([64, 65, (60, 64, 64, 70)], np.uint16), ([64.0, 64.5, 64.0], np.float32)]
)
def test_each_frame_keeps_its_own_black_level(blacks, dtype):
    (group,) = groups([Stated(black=black, cfa="BGGR") for black in blacks])
    assert "each frame has its own" in group.notes[0]
    for k, black in enumerate(blacks):
        own = np.broadcast_to(np.float32(black), 4)[[3, 2, 1, 0]]  # the planes of BGGR are in the opposite order
        frame = np.full((4, 2, 2), 100, np.uint16)
        levelled = group.levelled(k, frame)
        assert levelled.dtype == group.dtype(frame.dtype) == dtype
        above = levelled - np.float32(group.stated.black)[[3, 2, 1, 0], None, None]
        np.testing.assert_allclose(above, frame - own[:, None, None])
    assert group.levelled(0, np.full((4, 2, 2), 65535, np.uint16)).min() >= 65535

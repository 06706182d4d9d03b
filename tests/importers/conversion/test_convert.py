"""What a conversion promises when sources fail, in whatever way, and when two calls write to one folder."""

import os
import re
import signal
import threading
from functools import partial

import numpy as np
import pytest
from cases.sidd import mosaics

from n2nf_core.bursts import BurstError, open_burst
from n2nf_core.files import lock_of, locked
from n2nf_core.importers import Options, Part, parts
from n2nf_core.importers.conversion import convert, convert_part, parts_of, processes


@pytest.fixture
def sources(tmp_path):
    """Parts of two stacks a and b."""
    for k, name in enumerate("ab"):
        np.savez(tmp_path / f"{name}.npz", frames=mosaics(2, seed=k), white=1.0)
    return [parts(tmp_path / f"{name}.npz")[0] for name in "ab"]


def names(folder):
    return sorted(path.name.removesuffix(".burst.zarr") for path in folder.iterdir())


def fails_with(message, paths, out, **options):
    """Convert the files at ``paths`` to ``out``; SourcesFailed or another BurstError says ``message``."""
    found, failed = parts_of(paths, Options())
    with pytest.raises(BurstError, match=message) as ended:
        convert(found, out, failed=failed, **options)
    return str(ended.value)


class Odd(Exception):
    """An error that cannot be sent to another process."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def fails(how):
    if how == "exits":
        os._exit(3)
    if how == "crashes":
        os.kill(os.getpid(), signal.SIGKILL)
    raise {"odd": Odd("one", "two"), "key": KeyError("iso"), "memory": MemoryError()}[how]


SAID = {
    "exits": r"crashed \(exit status 3\)",
    "crashes": r"crashed \(SIGKILL\)",
    "odd": "one and two",
    "key": "KeyError: 'iso'",
    "memory": "MemoryError",
}


@pytest.mark.parametrize("how", SAID)
@pytest.mark.parametrize("jobs", [1, 2])
def test_any_failure_of_a_source_is_its_line(sources, tmp_path, monkeypatch, how, jobs):
    monkeypatch.setattr(processes, "START", "fork")  # so that the child has this module
    bad = Part("bad", partial(fails, how))
    with pytest.raises(BurstError) as failed:
        convert([sources[0], bad, sources[1]], tmp_path / "out", jobs=jobs)
    head, line = str(failed.value).split("\n")
    assert head == "1 of 3 sources failed, the others are converted:"
    assert line.startswith("  bad: ") and re.search(SAID[how], line)
    assert names(tmp_path / "out") == ["a", "b"]


def test_a_source_that_does_not_exist_is_its_line(sources, tmp_path):
    said = fails_with("failed", [tmp_path / "a.npz", tmp_path / "none.npz"], tmp_path / "out")
    head, line = said.split("\n")
    assert head == "1 of 2 sources failed, the others are converted:"
    assert line.startswith(f"  {tmp_path / 'none.npz'}: no such file or folder")
    assert names(tmp_path / "out") == ["a"]


def test_sources_of_one_name_are_refused_before_anything_is_written(sources, tmp_path):
    (tmp_path / "deep").mkdir()
    for other in ("deep/a.npz", "a.tif"):
        (tmp_path / other).write_bytes((tmp_path / "a.npz").read_bytes())
        paths, message = [tmp_path / "b.npz", tmp_path / "a.npz", tmp_path / other], "would both become a.burst"
        fails_with(rf"{tmp_path}/a.npz and {tmp_path}/{other} {message}", paths, tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_a_name_that_shows_itself_late_is_not_overwritten(tmp_path):
    """A file of two settings, and another file that is called as the second of them."""
    settings = {"setting": np.array([0, 0, 1, 1]), "settings": np.array(["x", "y"])}
    np.savez(tmp_path / "s.npz", frames=mosaics(4), white=1.0, **settings)
    np.savez(tmp_path / "s_001.npz", frames=mosaics(2, seed=7), white=1.0)
    paths, message = (
        [tmp_path / "s.npz", tmp_path / "s_001.npz"],
        "s_001.burst.zarr: convert this one to another folder",
    )
    fails_with(message, paths, tmp_path / "out", overwrite=True)


def test_a_damaged_burst_is_converted_again_and_the_user_told(sources, tmp_path, capfd):
    convert(sources, tmp_path / "out")
    (tmp_path / "out/a.burst.zarr/frames/c/1/0/0/0").unlink()
    done = convert(sources, tmp_path / "out")
    assert [path.name for path in done.written] == ["a.burst.zarr"] and len(done.kept) == 1
    assert "1 of 2 chunks of frames are missing" in capfd.readouterr().err
    open_burst(tmp_path / "out/a.burst.zarr").planes(1)


def test_a_damaged_burst_whose_name_is_known_is_opened(sources, tmp_path):
    (part,) = (part._replace(name="a", frames=2) for part in sources[:1])
    convert_part(part, tmp_path / "out", False, 1)
    assert convert_part(part._replace(read=None), tmp_path / "out", False, 1).kept
    (tmp_path / "out/a.burst.zarr/zarr.json").write_text("")
    with pytest.warns(UserWarning, match="it is converted again now"):
        assert convert_part(part, tmp_path / "out", False, 1).written


def test_a_second_call_waits_and_keeps_what_the_first_wrote(sources, tmp_path, capsys):
    out, found = tmp_path / "out", []
    second = threading.Thread(target=lambda: found.append(convert(sources, out)))
    with locked(lock_of(out), "busy"):
        second.start()
        second.join(0.3)
        assert second.is_alive() and not out.exists()
        for part in sources:
            convert_part(part, out, False, 1)
    second.join()
    assert len(found[0].kept) == 2 and not found[0].written
    assert f"another process converts to {out}; waiting for it" in capsys.readouterr().err


def test_what_killed_calls_left_is_removed(sources, tmp_path):
    out = tmp_path / "out"
    (out / ".gone.burst.zarr.0123abcd.partial").mkdir(parents=True)
    (tmp_path / ".out.names").mkdir()
    (tmp_path / ".out.names/a.burst.zarr").touch()
    convert(sources, out)
    assert names(out) == ["a", "b"] and sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.npz", "out"]

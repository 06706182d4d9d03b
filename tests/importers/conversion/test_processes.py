"""Work in processes of its own, and names that only one of them gets."""

import os
import warnings

from n2nf_core.bursts import BurstError
from n2nf_core.importers.conversion import processes


def work(number):
    if number == 2:
        os._exit(7)
    if number == 3:
        raise KeyError("three")
    warnings.warn(f"seen {number}", stacklevel=1)
    return number * number


def test_every_item_has_its_result_or_its_error(monkeypatch, capsys):
    monkeypatch.setattr(processes, "START", "fork")  # so that the processes have this module
    found = dict(processes.each(work, [1, 2, 3, 4], 2))
    assert list(map(found.get, (1, 4))) == [1, 16]
    assert isinstance(found[2], BurstError) and "crashed (exit status 7)" in str(found[2])
    assert str(found[3]) == "KeyError: 'three'"
    assert sorted(capsys.readouterr().err.splitlines()) == ["warning: seen 1", "warning: seen 4"]


def test_a_name_is_claimed_once(tmp_path):
    (tmp_path / "names").mkdir()
    (tmp_path / "names/old").touch()
    with processes.claims(tmp_path / "names") as folder:
        assert [processes.claim(folder, name) for name in ("a", "b", "a", "old")] == [True, True, False, True]
    assert not folder.exists()

"""Training in two processes and beside others: the same result as alone, and a clear word when one of them dies."""

import os
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest
import torch
from cases.training import LOSS, OPTIONS, Exact, config, start, weights

from n2nf_core.training import checkpoints, fit
from n2nf_core.training.processes import Threads, wanted

TOLERANCE = 1e-9  # float64; the project promises 1e-5


SCRIPT = """
import os, signal, sys; sys.path.insert(0, {tests!r})
from cases.training import LOSS, OPTIONS, Exact, config, start
from n2nf_core.training import fit
class Deadly(Exact):  # the second process dies in step {death}
    def batches(self, step, *where):
        for number, batch in enumerate(super().batches(step, *where), step):
            if number == {death} and os.environ["RANK"] == "1":
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch
fit(*start(), Deadly() if {death} else Exact(), config(20, devices=2, **OPTIONS), {out!r}, loss=LOSS)
"""


def run_two(folder, death=0):
    """Two processes by torchrun, as a user starts them."""
    folder.mkdir()
    script = folder / "two.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[1]), out=str(folder / "out"), death=death))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)


def final(out):
    """Parameters and history after 20 steps; of a run that two processes finished, or left unfinished, too."""
    trained = start()
    run = fit(*trained, Exact(), config(20, **OPTIONS), out, loss=LOSS)
    return weights(*trained), run.history


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """One process on the same global batches."""
    return final(tmp_path_factory.mktemp("one"))


def test_two_processes_train_as_one_on_the_same_batches(tmp_path, one):
    """Without batch normalisation, whose statistics would be those of half a batch."""
    found = run_two(tmp_path / "two")
    assert found.returncode == 0, found.stderr[-2000:]
    assert [p.name for p in (tmp_path / "two/out/checkpoints").iterdir() if p.name.startswith(".")] == []
    assert len(list((tmp_path / "two/out/tensorboard").iterdir())) == 1  # only one process writes
    parameters, history = final(tmp_path / "two/out")
    torch.testing.assert_close(parameters, one[0], atol=TOLERANCE, rtol=0)
    for mine, whole in zip(history, one[1], strict=True):
        assert mine["mse"] == pytest.approx(whole["mse"], rel=1e-9)  # the mean over processes, not one's share


def test_a_killed_process_ends_the_run_in_words_and_one_process_goes_on(tmp_path, one):
    found = run_two(tmp_path / "two", death=14)
    assert found.returncode != 0
    assert "LostProcessError" in found.stderr
    assert "lost another one at step 14" in found.stderr
    assert "the same command goes on from the last checkpoint" in found.stderr
    last = checkpoints.find_checkpoints(tmp_path / "two/out/checkpoints")[-1]
    assert last.name == "step-00000012"
    parameters, _ = final(tmp_path / "two/out")
    torch.testing.assert_close(parameters, one[0], atol=TOLERANCE, rtol=0)


@pytest.fixture
def two_threads():
    """PyTorch with two threads, whatever it had."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def accounts_beside(others):
    """Accounts of a machine on which other processes keep so many cores busy, a second of the clock for every look."""
    looks = count(1)

    def accounts():
        now = next(looks)
        return float(now), now * (others + 1.0), float(now)  # this process takes a core itself

    return accounts


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="only Linux has these accounts")
def test_a_thread_is_given_up_beside_processes_that_never_rest(two_threads, monkeypatch):
    monkeypatch.setattr(Threads, "EVERY", 0.5)
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)]
    try:
        with Threads() as threads:
            for _ in range(100):  # other work on the machine only makes it sooner
                time.sleep(0.1)
                threads.adapt()
                if torch.get_num_threads() == 1:
                    break
            assert torch.get_num_threads() == 1
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("others", "fixed", "expected"), [(0.1, 0, 2), (1.0, 0, 1), (5.0, 0, 1), (1.0, 2, 2)])
def test_training_has_as_many_threads_as_others_leave(tmp_path, two_threads, monkeypatch, others, fixed, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(Threads, "_accounts", staticmethod(accounts_beside(others)))
    monkeypatch.setattr(Threads, "EVERY", -1e9)  # at every step
    seen = []
    sizes = config(4, pretrain_steps=2, threads=fixed, log_every=1)
    fit(*start(), Exact(), sizes, tmp_path, loss=LOSS, observe=lambda: seen.append(torch.get_num_threads()) or {})
    assert seen[1:] == [expected] * 3
    assert torch.get_num_threads() == 2


def test_threads_come_back_when_the_cores_do(two_threads):
    assert [wanted(now, free, 2) for now, free in ((2, 1.0), (1, 1.5), (1, 2.0))] == [1, 1, 2]
    assert wanted(4, 2.9, 4) == 3 and wanted(4, -3.0, 4) == 1 and wanted(1, 64.0, 8) == 8

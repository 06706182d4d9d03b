"""Training in two processes: the same result as in one, and a clear word when one of them dies."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from cases.training import LOSS, OPTIONS, Exact, config, start, weights

from n2nf_core.training import checkpoints, fit

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

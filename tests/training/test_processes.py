"""Training past one process, and compiled: the same result, a clear word when something breaks."""

import os
import shutil
import subprocess
import sys
import warnings

import pytest
import torch
from test_training import LOSS, config, models, pairs, weights
from torch import nn

from n2nf_core.training import CompileWarning, checkpoints, constant, fit

TOLERANCE = 1e-9  # float64; the project promises 1e-5
OPTIONS = {"log_every": 5, "checkpoint_every": 4}

SCRIPT = """
import os, signal, sys; sys.path.insert(0, {tests!r})
from test_scale import *
class Deadly(Exact):  # the second process dies in step {death}
    def batches(self, step, *where):
        for number, batch in enumerate(super().batches(step, *where), step):
            if number == {death} and os.environ["RANK"] == "1":
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch
fit(*start(), Deadly() if {death} else Exact(), config(20, devices=2, **OPTIONS), {out!r}, loss=LOSS)
"""


class Exact:
    """The pairs in float64.

    In float32 the parameters of a hidden unit that is hardly ever active have gradients of the size of Adam's 1e-8;
    their rounding, which depends on how a batch is shared, then moves them by up to 1e-4 in 20 steps.
    """

    fingerprint = pairs().fingerprint

    def batches(self, step, *where):
        for batch in pairs().batches(step, *where):
            yield batch.to(torch.float64)


def start():
    return [model.double() for model in models(norm=nn.Identity)]


def run_two(folder, death=0):
    """Two processes by torchrun, as a user starts them."""
    folder.mkdir()
    script = folder / "two.py"
    script.write_text(SCRIPT.format(tests=os.path.dirname(__file__), out=str(folder / "out"), death=death))
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


def test_shares_make_up_the_batch():
    loader = pairs()
    whole, shares = loader.batch(3), [loader.batch(3, rank, 2) for rank in (0, 1)]
    for name in ("first", "second", "camera", "iso", "clean"):
        assert torch.equal(getattr(whole, name)[0::2], getattr(shares[0], name))
        assert torch.equal(getattr(whole, name)[1::2], getattr(shares[1], name))


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler on the CPU")
def test_compiled_training_is_training_and_a_patch_size_compiles_once(tmp_path):
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()

    class Sizes:
        """Patches of four sizes, in turns."""

        def __iter__(self):
            for number, batch in enumerate(pairs()):
                side = (16, 12, 14, 10)[number % 4]
                cut = (None if f is None else f[..., :side, :side] if f.dim() == 4 else f for f in batch)
                yield type(batch)(*cut)

    trained, graphs = {}, {}
    for name, steps, compile in (("eager", 8, False), ("two sizes", 2, True), ("compiled", 8, True)):
        trained[name] = models(norm=nn.Identity)
        options = config(steps, pretrain_steps=0, compile=compile)
        with warnings.catch_warnings():
            warnings.simplefilter("error", CompileWarning)
            fit(*trained[name], Sizes(), options, tmp_path / name, loss=LOSS, schedule=constant)
        graphs[name] = torch._dynamo.utils.counters["stats"]["unique_graphs"]
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
    assert graphs == {"eager": 0, "two sizes": 2, "compiled": 4}
    torch.testing.assert_close(weights(*trained["compiled"]), weights(*trained["eager"]), atol=1e-4, rtol=1e-3)


def test_without_a_compiler_training_goes_on_and_says_so(tmp_path, monkeypatch):
    from torch._inductor import config as inductor

    torch._dynamo.reset()
    monkeypatch.setattr(inductor.cpp, "cxx", ("/nonexistent/g++",))
    plain, fallen = models(norm=nn.Identity), models(norm=nn.Identity)
    fit(*plain, pairs(), config(12), tmp_path / "plain", loss=LOSS)
    with pytest.warns(CompileWarning, match="torch.compile failed, training goes on without it"):
        fit(*fallen, pairs(), config(12, compile=True), tmp_path / "fallen", loss=LOSS)
    assert torch.equal(weights(*fallen), weights(*plain))

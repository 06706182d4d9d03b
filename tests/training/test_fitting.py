"""fit: it learns, resumes to the bit, stops on signals, and fails with its last good state kept."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from n2nf_core.bursts import Burst
from n2nf_core.denoisers import DnCNN
from n2nf_core.files import CheckpointError
from n2nf_core.flow import nlf_flow, noise_flow
from n2nf_core.losses import joint_loss, pair_difference, r2r
from n2nf_core.pairs import PatchPairs, Sampling
from n2nf_core.training import FitConfig, NonFiniteLossError, checkpoints, fit

LOSS = partial(joint_loss, mse_weight=100.0, noise_term=pair_difference)


def pairs(seed=0):
    rng = np.random.default_rng(3)
    clean = np.broadcast_to(np.linspace(0.1, 0.9, 24, dtype=np.float32), (4, 24, 24))
    noisy = clean + 0.05 * rng.standard_normal((4, 4, 24, 24))
    burst = Burst(noisy.astype(np.float32), 0.0, 1.0, "RGGB", "S6", 800.0, "ramp", clean=clean.copy())
    return PatchPairs([burst], ["S6"], Sampling(patch=16, batch=8, frame_pairs=2, seed=seed))


def models(build=noise_flow, norm=nn.BatchNorm2d):
    torch.manual_seed(0)
    return DnCNN(layers=3, features=8, norm=norm), build(["S6"], [800.0])


def config(steps=30, **options):
    return FitConfig(
        steps=steps, **{"pretrain_steps": 10, "device": "cpu", "log_every": 4, "checkpoint_every": 8, **options}
    )


def weights(*modules):
    return torch.cat([v.flatten().double() for m in modules for v in m.state_dict().values()])


def test_training_learns_the_noise_and_reports_it(tmp_path):
    denoiser, flow = models(nlf_flow)
    result = fit(denoiser, flow, pairs(), config(250, pretrain_steps=50, noise_lr=0.05), tmp_path, loss=LOSS)
    shot, read = flow.nlf()["S6"][800.0]
    assert abs(shot * 0.5 + read - 0.05**2) < 0.15 * 0.05**2  # 4 frames of 2304 values; sd of the variance 1.5 %
    rows = result.history
    assert [row["step"] for row in rows][:3] == [4, 8, 12] and rows[-1]["step"] == 250
    assert rows[0]["nll_nats_per_dim"] is None and rows[-1]["nll_nats_per_dim"] < rows[14]["nll_nats_per_dim"]
    assert rows[-1]["psnr_db"] > rows[0]["psnr_db"]
    assert list((tmp_path / "tensorboard").glob("events*"))
    assert not denoiser.training and not flow.training


def test_an_interrupted_run_resumes_to_the_bit(tmp_path):
    """With a loss that draws random numbers, and checkpoints that fall between the rows of the history."""
    unbroken, options, loss = models(), config(log_every=6), partial(r2r, mse_weight=100.0)
    whole = fit(*unbroken, pairs(), options, tmp_path / "whole", loss=loss)

    class Stop(Exception):
        pass

    class Broken:
        """The same pairs, with the power cut at step 19; the checkpoint of step 16 is the newest."""

        fingerprint = pairs().fingerprint

        def batches(self, step, *where):
            for number, batch in enumerate(pairs().batches(step, *where), step):
                if number == 19:
                    raise Stop
                yield batch

    with pytest.raises(Stop):
        fit(*models(), Broken(), options, tmp_path / "broken", loss=loss)
    assert [p.name for p in checkpoints.find_checkpoints(tmp_path / "broken/checkpoints")] == [
        "step-00000008",
        "step-00000016",
    ]
    torch.manual_seed(99)  # the random state comes from the checkpoint, not from here
    resumed = models()
    again = fit(*resumed, pairs(), options, tmp_path / "broken", loss=loss)
    assert torch.equal(weights(*resumed), weights(*unbroken))
    assert again.history == whole.history


def test_a_plain_iterable_resumes_too(tmp_path):
    batches = [pairs().batch(k) for k in range(30)]
    unbroken, resumed = models(), models()
    fit(*unbroken, batches, config(), tmp_path / "a", loss=LOSS)
    with pytest.raises(ValueError, match="the pairs ended after 18 of 30 steps"):
        fit(*models(), batches[:18], config(), tmp_path / "b", loss=LOSS)
    fit(*resumed, batches, config(), tmp_path / "b", loss=LOSS)
    assert torch.equal(weights(*resumed), weights(*unbroken))


def test_a_finished_run_is_not_run_again(tmp_path):
    first = fit(*models(), pairs(), config(), tmp_path, loss=LOSS)
    loaded = models()
    second = fit(*loaded, pairs(), config(), tmp_path, loss=LOSS)
    assert second.history == first.history and second.seconds < first.seconds
    assert (tmp_path / "checkpoints/step-00000030").is_dir()


def test_another_configuration_is_refused(tmp_path):
    fit(*models(), pairs(), config(), tmp_path, loss=LOSS)
    with pytest.raises(CheckpointError, match="other noise_lr.*choose another output folder"):
        fit(*models(), pairs(), config(noise_lr=0.5), tmp_path, loss=LOSS)
    with pytest.raises(CheckpointError, match="other loss"):
        fit(*models(), pairs(), config(), tmp_path, loss=joint_loss)
    with pytest.raises(CheckpointError, match="other data"):
        fit(*models(), pairs(seed=1), config(), tmp_path, loss=LOSS)
    with pytest.raises(CheckpointError, match="of another model"):
        fit(DnCNN(layers=4, features=8), models()[1], pairs(), config(), tmp_path, loss=LOSS)


SCRIPT = """
import signal; signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits it ignored
import sys; sys.path.insert(0, {tests!r})
from test_training import *
class Slow:
    fingerprint = pairs().fingerprint
    def batches(self, step, *where):
        import time
        for batch in pairs().batches(step, *where):
            print("step", flush=True); time.sleep(0.1)
            yield batch
fit(*models(), Slow(), config(), {out!r}, loss=LOSS)
print("went on")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_signals_stop_with_a_checkpoint_and_resume_to_the_bit(tmp_path, number):
    out = str(tmp_path / "run")
    script = textwrap.dedent(SCRIPT).format(tests=os.path.dirname(__file__), out=out)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for _ in range(12):
        process.stdout.readline()
    process.send_signal(number)
    rest, errors = process.communicate(timeout=120)
    assert "went on" not in rest and process.returncode != 0
    assert "the same call goes on from there" in rest + errors
    step = json.loads((checkpoints.find_checkpoints(tmp_path / "run/checkpoints")[-1] / "state.json").read_text())[
        "step"
    ]
    assert 10 <= step < 30
    resumed, unbroken = models(), models()
    fit(*resumed, pairs(), config(), out, loss=LOSS)
    fit(*unbroken, pairs(), config(), tmp_path / "whole", loss=LOSS)
    assert torch.equal(weights(*resumed), weights(*unbroken))


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_checkpoint(tmp_path):
    class Poisoned:
        fingerprint = pairs().fingerprint

        def batches(self, step, *where):
            for number, batch in enumerate(pairs().batches(step, *where), step):
                if number == 21:
                    batch.first[3, 1, 5, 5] = torch.nan
                yield batch

    with pytest.raises(NonFiniteLossError, match=r"not finite at step 21;.*failed-step-00000021.*step-00000016"):
        fit(*models(), Poisoned(), config(log_every=8), tmp_path, loss=LOSS)
    from safetensors.torch import load_file

    batch = load_file(tmp_path / "failed-step-00000021.safetensors")
    assert batch["first"][3, 1, 5, 5].isnan() and batch["second"].isfinite().all()
    tensors, state = checkpoints.read_checkpoint(tmp_path / "checkpoints/step-00000016")
    assert state["step"] == 16 and all(t.isfinite().all() for t in tensors.values() if t.is_floating_point())


def test_a_full_disk_leaves_earlier_checkpoints_and_no_half_written_one(tmp_path, monkeypatch):
    """The disk is simulated: the writer of tensors raises as a full one does."""
    import safetensors.torch

    save, calls = safetensors.torch.save_file, []

    def full(tensors, path):
        calls.append(path)
        if len(calls) == 3:
            save({"part": torch.zeros(1)}, path)
            raise OSError(28, "No space left on device")
        save(tensors, path)

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(CheckpointError, match="cannot write the checkpoint of step 24.*No space left"):
        fit(*models(), pairs(), config(), tmp_path, loss=LOSS)
    left = sorted(p.name for p in (tmp_path / "checkpoints").iterdir())
    assert left == ["step-00000008", "step-00000016"]
    monkeypatch.undo()
    resumed, unbroken = models(), models()
    fit(*resumed, pairs(), config(), tmp_path, loss=LOSS)
    fit(*unbroken, pairs(), config(), tmp_path / "whole", loss=LOSS)
    assert torch.equal(weights(*resumed), weights(*unbroken))


def test_a_damaged_checkpoint_is_named(tmp_path):
    fit(*models(), pairs(), config(), tmp_path, loss=LOSS)
    path = tmp_path / "checkpoints/step-00000030/tensors.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="step-00000030 cannot be read"):
        fit(*models(), pairs(), config(), tmp_path, loss=LOSS)


def test_bfloat16_trains_the_denoiser_and_keeps_the_flow_in_float32(tmp_path):
    denoiser, flow = models()
    seen = []
    flow.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].dtype))
    fit(denoiser, flow, pairs(), config(precision="bf16-mixed"), tmp_path, loss=LOSS)
    assert set(seen) == {torch.float32}
    assert weights(denoiser, flow).isfinite().all()


def test_the_configuration_is_checked():
    with pytest.raises(ValueError, match="pretrain_steps"):
        FitConfig(steps=5, pretrain_steps=6)
    with pytest.raises(ValueError, match="precision must be"):
        FitConfig(steps=5, precision="16")
    with pytest.raises(ValueError, match="must be positive"):
        FitConfig(steps=5, noise_lr=0)

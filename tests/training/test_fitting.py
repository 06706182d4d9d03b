"""fit: it learns, resumes to the bit, and refuses what does not belong together."""

from functools import partial

import pytest
import torch
from cases.training import LOSS, config, models, pairs, weights

from n2nf_core.denoisers import DnCNN
from n2nf_core.files import CheckpointError
from n2nf_core.flow import nlf_flow
from n2nf_core.losses import joint_loss, r2r
from n2nf_core.training import FitConfig, checkpoints, fit


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


def test_the_configuration_is_checked():
    with pytest.raises(ValueError, match="pretrain_steps"):
        FitConfig(steps=5, pretrain_steps=6)
    with pytest.raises(ValueError, match="precision must be"):
        FitConfig(steps=5, precision="16")
    with pytest.raises(ValueError, match="must be positive"):
        FitConfig(steps=5, noise_lr=0)

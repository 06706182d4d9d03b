"""The loop stops on signals and on a loss that is not finite, with its last good state kept."""

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from cases.training import LOSS, config, models, pairs, weights

from n2nf_core.training import NonFiniteLossError, checkpoints, fit

SCRIPT = """
import signal; signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits it ignored
import sys; sys.path.insert(0, {tests!r})
from cases.training import LOSS, config, models, pairs
from n2nf_core.training import fit
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
    script = textwrap.dedent(SCRIPT).format(tests=str(Path(__file__).parents[1]), out=out)
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

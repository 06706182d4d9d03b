"""CAREamics' Noise2Noise: python careamics_noise2noise.py IN.npz OUT.npz SECONDS SEED

IN holds ``train`` and ``test``, (scenes, T, C, h, w) frames of static scenes. Each frame is the target of the one
before it and of the one after it. The batch has 4 patches of 64x64 pixels, which gave the best result of those tried.
Training ends after SECONDS of the processor.
"""

import sys
import time
import types

import numpy as np
import torch

# torchvision, which careamics imports for one resize, looks here for compiled operators that a CPU build lacks.
for name in ("torchvision._meta_registrations", "torchvision._autograd_registrations"):
    sys.modules[name] = types.ModuleType(name)

from careamics import CAREamist  # noqa: E402
from careamics.config import create_n2n_config  # noqa: E402
from lightning.pytorch import seed_everything  # noqa: E402
from lightning.pytorch.callbacks import Callback  # noqa: E402


class Budget(Callback):
    """Ends the training when the processor has worked for ``seconds``."""

    def __init__(self, seconds: float):
        self.seconds, self.start = seconds, time.process_time()

    def on_train_batch_end(self, trainer, *others) -> None:
        """Asked after every batch."""
        trainer.should_stop = time.process_time() - self.start > self.seconds


torch.set_num_threads(1)
seed_everything(int(sys.argv[4]))
with np.load(sys.argv[1]) as given:
    train, test = given["train"], given["test"]
start = time.process_time()
channels = test.shape[2]
config = create_n2n_config(
    experiment_name="frames", data_type="array", axes="SCYX", patch_size=[64, 64], batch_size=4, num_epochs=100_000,
    n_channels_in=channels,
)  # fmt: skip
trainer = CAREamist(config, callbacks=[Budget(float(sys.argv[3]))], enable_progress_bar=False)
before, after = (part.reshape(-1, *part.shape[2:]) for part in (train[:, :-1], train[:, 1:]))
trainer.train(train_data=np.concatenate([before, after]), train_data_target=np.concatenate([after, before]))
trained = time.process_time()
denoised, _ = trainer.predict(test.reshape(-1, *test.shape[2:]), batch_size=1)
seconds = time.process_time() - trained
frames = np.stack([np.squeeze(image) for image in denoised]).astype(np.float32).reshape(test.shape)
np.savez(sys.argv[2], denoised=frames, training_seconds=trained - start, denoising_seconds=seconds)

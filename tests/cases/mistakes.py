"""Files with which the mistakes of the book's page on the command are made, and the rows of its table."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile
import torch
from cases.burst_files import burst_file
from cases.poisson_bursts import texture
from skimage.io import imsave

from n2nf_core.baselines import GaussianNoise
from n2nf_core.denoisers import DnCNN
from n2nf_core.export import save_model
from n2nf_core.types import NLF

PAGE = Path(__file__).parents[2] / "book/command.md"
ROW = re.compile(
    r"^\| (?P<mistake>.+?) \| `(?P<command>n2nf .+?)` \| `(?P<prints>.+?)` \| (?P<status>\d) \|$", re.MULTILINE
)


class Mistake(NamedTuple):
    """A row of the table.

    what: in words. command: what is typed. prints: a line of what is printed, where "..." stands for any text.
    status: the exit status.
    """

    what: str
    command: str
    prints: str
    status: int


def mistakes() -> list[Mistake]:
    """All rows of the table."""
    return [Mistake(*words, int(status)) for *words, status in ROW.findall(PAGE.read_text())]


def write_files(folder: Path) -> None:
    """All files that the commands of the table name."""
    scene = texture(48, 48)
    burst_file(folder / "desk.npz", scene)
    burst_file(folder / "hand_held.npz", np.stack([np.roll(scene, 3 * t, 2) for t in range(6)]))
    burst_file(folder / "small.npz", texture(12, 12))
    burst_file(folder / "caps_iso800.npz", 0 * scene, {"iso": 800})
    with np.load(folder / "desk.npz") as file:
        stated = {name: file[name] for name in file.files}
    frames = stated.pop("frames")
    np.savez(folder / "single.npz", frames=frames[:1], **stated)
    np.savez(folder / "copies.npz", frames=frames[[0, 0, 0]], **stated)
    (folder / "day/desk").mkdir(parents=True)
    np.savez(folder / "day/desk/stack.npz", frames=frames, **stated)
    tifffile.imwrite(folder / "stack.tif", frames, photometric="minisblack")
    tifffile.imwrite(folder / "clean.tif", np.full((64, 64), 0.3, np.float32))
    imsave(folder / "desk.jpg", np.full((32, 32, 3), 100, np.uint8), check_contrast=False)
    table = GaussianNoise({"cam": {iso: NLF(1e-6 * iso, 1e-6) for iso in (100, 400)}})
    with torch.random.fork_rng(devices=[]):
        denoiser = DnCNN(layers=2, features=4)
    save_model(folder / "cam.safetensors", table, denoiser, {"camera": "cam", "iso": 100, "black": 64, "white": 4095})

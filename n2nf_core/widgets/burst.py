"""Your burst: files of one's own looked at, and a noise model and a denoiser trained on them; needs a kernel."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import anywidget
import traitlets

from n2nf_core.bursts import Burst, BurstError
from n2nf_core.files import one_line
from n2nf_core.importers import read_bursts
from n2nf_core.training import PROFILES
from n2nf_core.widgets import burst_training, inspection, modules

OPTIONS = ("camera", "iso", "black", "white", "cfa")
NUMBERS = ("iso", "black", "white")


def options_of(texts: Mapping[str, str]) -> dict:
    """What :func:`read_bursts` takes, from the texts of a form; an empty one is left to the file. BurstError."""
    found = {}
    for name in OPTIONS:
        text = str(texts.get(name, "")).strip()
        if not text:
            continue
        try:
            found[name] = float(text) if name in NUMBERS else text
        except ValueError:
            raise BurstError(f"{name} must be a number, got {text!r}") from None
    return found


class YourBurst(anywidget.AnyWidget):
    """Open a burst, see its pairs, drift, saturation and photon transfer; train on it in the background and watch.

    path: opened at once if given. output_dir: where training keeps its checkpoints, in a folder per burst and settings,
    so that the same training goes on where it was stopped. The page's buttons do what :meth:`load`, :meth:`train` and
    :meth:`stop` do. ``bursts``: what was opened. ``denoiser``, ``noise_model``: trained, or in training; None before.
    ``photon``: the photon-transfer noise model.
    """

    _esm = modules.joined("burst.js")
    _css = modules.style("explorer.css", "burst.css")
    path = traitlets.Unicode().tag(sync=True)
    options = traitlets.Dict().tag(sync=True)
    profile = traitlets.Enum(list(PROFILES), "smoke").tag(sync=True)
    profiles = traitlets.List(list(PROFILES)).tag(sync=True)
    state = traitlets.Unicode("empty").tag(sync=True)  # empty, opening, open, training, stopped, trained
    error = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    about = traitlets.Dict().tag(sync=True)
    rows = traitlets.List().tag(sync=True)

    def __init__(self, path: str | Path = "", *, output_dir: str | Path = "runs/your_burst", **options: str):
        super().__init__(path=str(path), options={name: str(value) for name, value in options.items()})
        self.output_dir, self.bursts, self.training = Path(output_dir), [], None
        self.thread: threading.Thread | None = None
        self.on_msg(self._asked)
        if path:
            self.load()

    def _asked(self, widget, content: Mapping, buffers: Sequence) -> None:
        """A button of the page was pressed."""
        acts = {"open": self.load, "train": self.train, "stop": self.stop}
        acts[content["act"]]()

    def load(self) -> None:
        """Read ``path`` with ``options`` in the background; :meth:`wait` for it. A fault becomes ``error``."""
        self._begin("opening", self._open)

    def train(self) -> None:
        """Train in the sizes of ``profile``, in the background; goes on where the same training was stopped."""
        if not self.bursts:
            self.error = "open a burst first"
            return
        self._begin("training", self._train)

    def stop(self) -> None:
        """End the training after its present step, with a checkpoint."""
        if self.training is not None:
            self.training.stopping.set()

    def wait(self, seconds: float | None = None) -> None:
        """Until the work in the background has ended."""
        if self.thread is not None:
            self.thread.join(seconds)

    @property
    def denoiser(self):
        """The denoiser, None before there is one."""
        return self.training.trained.denoiser if self.training and self.training.trained else None

    @property
    def noise_model(self):
        """The Noise Flow, None before there is one."""
        return self.training.trained.noise_model if self.training and self.training.trained else None

    def _begin(self, state: str, work) -> None:
        if self.thread is not None and self.thread.is_alive():
            self.error = f"still {self.state}: wait or stop it first"
            return
        former, self.error, self.note, self.state = self.state, "", "", state

        def run() -> None:
            try:
                work()
            except Exception as error:  # whatever it was, its place is before the reader's eyes
                self.state = former if former != state else "open"
                self.error = one_line(error)

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def _open(self) -> None:
        if not self.path.strip():
            raise BurstError("give the path of a burst: a file or a folder")
        bursts: list[Burst] = read_bursts(Path(self.path.strip()).expanduser(), **options_of(self.options))
        about = inspection.inspect(bursts)
        self.training, self.rows = None, []
        self.bursts, self.about, self.state = bursts, about, "open"

    def _train(self) -> None:
        self.note = "preparing"
        self.training = burst_training.Training(self.bursts, PROFILES[self.profile], self.output_dir)
        self.about = self.about | self.training.about()
        result = self.training.run(self._show).result
        self._show(result.history)
        done = result.history and result.history[-1]["step"] >= self.training.steps
        self.note = f"checkpoint: {result.checkpoint}"
        self.state = "trained" if done else "stopped"

    def _show(self, history: Sequence[Mapping[str, float]]) -> None:
        if len(history) != len(self.rows):
            self.note = f"step {history[-1]['step']} of {self.training.steps}"
            self.rows = [dict(row) for row in history]

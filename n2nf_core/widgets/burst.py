"""Your burst: look at files of your own, and train a noise model and a denoiser on them. It needs a kernel."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import anywidget
import traitlets

from n2nf_core.bursts import Burst, BurstError
from n2nf_core.files import one_line
from n2nf_core.importers import iter_bursts, options_of
from n2nf_core.training import PROFILES
from n2nf_core.widgets import burst_training, inspection, modules


class YourBurst(anywidget.AnyWidget):
    """Open a burst; see its pairs, drift, saturation and photon transfer; train on it in the background.

    The buttons of the page call :meth:`load`, :meth:`train` and :meth:`stop`. ``bursts`` holds what was opened.
    ``denoiser`` and ``noise_model`` hold the models during and after training, and None before.

    Arguments:
        path: a file or folder that is opened at once; "" for none.
        output_dir: folder for checkpoints. Every burst with its settings has a folder below it, so that the same
            training continues where it was stopped.
        options: camera, iso, black, white or cfa, as :func:`read_bursts` takes them, in place of what the file states.
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
        """Do what a button of the page asks for."""
        acts = {"open": self.load, "train": self.train, "stop": self.stop}
        acts[content["act"]]()

    def load(self) -> None:
        """Read ``path`` with ``options`` in the background (see :meth:`wait`). If that fails, ``error`` says why."""
        self._begin("opening", self._open)

    def train(self) -> None:
        """Train in the background, with the sizes of ``profile``. A training that was stopped before continues."""
        if not self.bursts:
            self.error = "there is no burst to train on: open a burst first"
            return
        self._begin("training", self._train)

    def stop(self) -> None:
        """End the training after its current step, with a checkpoint."""
        if self.training is not None:
            self.training.stopping.set()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the work in the background has ended, for at most ``seconds`` (None: without limit)."""
        if self.thread is not None:
            self.thread.join(seconds)

    @property
    def denoiser(self):
        """The denoiser; None before training."""
        return self.training.trained.denoiser if self.training and self.training.trained else None

    @property
    def noise_model(self):
        """The Noise Flow; None before training."""
        return self.training.trained.noise_model if self.training and self.training.trained else None

    def _begin(self, state: str, work) -> None:
        if self.thread is not None and self.thread.is_alive():
            self.error = f"the widget is still {self.state}: wait, or stop it first"
            return
        former, self.error, self.note, self.state = self.state, "", "", state

        def run() -> None:
            try:
                work()
            except Exception as error:  # this thread has no other way to show an error of any type
                self.state = former if former != state else "open"
                self.error = one_line(error)

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def _open(self) -> None:
        if not self.path.strip():
            raise BurstError("the path is empty: give the path of a burst, a file or a folder")
        path = Path(self.path.strip()).expanduser()
        bursts: list[Burst] = list(iter_bursts(path, options_of(self.options)))
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

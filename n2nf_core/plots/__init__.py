"""Every figure of the notebooks as a function of plain results."""

from matplotlib.figure import Figure

from n2nf_core.plots.charts import histograms, lines, scores
from n2nf_core.plots.images import panels, thumbnail
from n2nf_core.plots.noise import photon_transfer, recovered, regret_by_setting
from n2nf_core.plots.regret import regret_by_camera, regret_curves, regret_study
from n2nf_core.plots.sweeps import weight_sweep
from n2nf_core.plots.theme import label, style

__all__ = [
    "Figure", "histograms", "label", "lines", "panels", "photon_transfer", "recovered", "regret_by_camera",
    "regret_by_setting", "regret_curves", "regret_study", "scores", "style",
    "thumbnail", "weight_sweep",
]  # fmt: skip

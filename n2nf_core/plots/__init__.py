"""Every figure of the notebooks, each as a function of plain results."""

from matplotlib.figure import Figure

from n2nf_core.plots.charts import clouds, histograms, lines, scores
from n2nf_core.plots.forest import forest, ranges
from n2nf_core.plots.images import panels, thumbnail, worst_patches
from n2nf_core.plots.noise import by_setting, photon_transfer, recovered, skewness
from n2nf_core.plots.page import measurement_page
from n2nf_core.plots.recovery import excess, recovery
from n2nf_core.plots.regret import regret_by_camera, regret_curves, regret_study
from n2nf_core.plots.sweeps import weight_sweep
from n2nf_core.plots.theme import caption, heading, label, style

__all__ = [
    "Figure",
    "by_setting",
    "caption",
    "clouds",
    "excess",
    "forest",
    "heading",
    "histograms",
    "label",
    "lines",
    "measurement_page",
    "panels",
    "photon_transfer",
    "ranges",
    "recovered",
    "recovery",
    "regret_by_camera",
    "regret_curves",
    "regret_study",
    "scores",
    "skewness",
    "style",
    "thumbnail",
    "weight_sweep",
    "worst_patches",
]

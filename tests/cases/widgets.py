"""Every widget that runs in a page without a kernel, as the book shows it."""

from pathlib import Path

from n2nf_core.widgets.anatomy import FlowAnatomy
from n2nf_core.widgets.before_after import BeforeAfter
from n2nf_core.widgets.explorer import LambdaExplorer
from n2nf_core.widgets.lab import NoiseLab
from n2nf_core.widgets.two_frames import TwoFrames

SWEEP = Path(__file__).parents[2] / "results/60_ablate_lambda.parquet"
WIDGETS = {
    "noise_lab": lambda: NoiseLab(view="noise", scene="Rocket"),
    "two_frames": TwoFrames,
    "flow_anatomy": FlowAnatomy,
    "lambda_explorer": lambda: LambdaExplorer.from_parquet(SWEEP),
    "before_after": BeforeAfter,
}

"""A claim of the paper beside what the committed tables say about it: a verdict, intervals, limits.

Here is what a claim is, and how it is written. :mod:`n2nf_core.study.tables.paper_claims` lists the claims. Sentences
are written by hand; every number and every verdict is computed from the tables, so that new results change them.
"""

from __future__ import annotations

from typing import NamedTuple

from n2nf_core.plots import label
from n2nf_core.study.tables.beside_paper import HEADS, number
from n2nf_core.study.tables.columns import markdown_row
from n2nf_core.study.tables.paper_tables import TABLES
from n2nf_core.study.tables.readings import Gap, Tables, student_interval

VERDICTS = {
    "better": "holds",
    "as claimed": "holds",
    "worse": "does not hold",
    "not as claimed": "does not hold",
    "biased": "does not hold",
    "undecided": "undecided",
}
"""Reading of a test -> what it says about the claim."""
SHORT = {score: short for score, (short, _) in HEADS.items()} | {"regret_nats_per_dim": "regret"}
NLL, KL, PSNR, REGRET = "nll_nats_per_dim", "kl_nats", "psnr_db", "regret_nats_per_dim"
SETS = {"simulated phones": {"physical": False}, "simulated sensors in the dark": {"physical": True}}
"""The two sets of simulated cameras of notebooks 40, 41 and 70, and the parameter that chooses them."""


class Evidence(NamedTuple):
    """One comparison.

    Arguments:
        where: the data that it was made on.
        text: what was found, with its interval.
        word: its reading, a key of :data:`VERDICTS`.
    """

    where: str
    text: str
    word: str


class Claim(NamedTuple):
    """A claim and its tests.

    Arguments:
        name: a name for links.
        sentence: the claim.
        paper: what the paper reports, with its numbers; "" for a claim of ours.
        tests: the comparisons that decide it.
        notebook: the page that shows them.
        limits: what they cannot decide.
        level: whether the claim is that two sides are as good as one another.
    """

    name: str
    sentence: str
    paper: str
    tests: tuple[Evidence, ...]
    notebook: str
    limits: str
    level: bool = False

    @property
    def verdict(self) -> str:
        """ "holds", "does not hold", "undecided" or "in part"; a level claim "falls short" where anything is worse.

        "in part" where some tests are as claimed; where none is and at least one says the opposite, "does not hold".
        """
        found = {VERDICTS[test.word] for test in self.tests}
        if self.level and "does not hold" in found:
            return "falls short"
        if self.level and "holds" in found:
            return "holds"
        if "holds" not in found and "does not hold" in found:
            return "does not hold"
        return found.pop() if len(found) == 1 else "in part"


def paper(table: str, scores: tuple[str, ...], *rows: str) -> str:
    """The paper's values of some scores in some rows of a table, as a sentence.

    >>> paper("Table 3", (PSNR,), "Noise2NoiseFlow")
    'PSNR 52.80 (Noise2NoiseFlow).'
    """
    said = []
    for score in scores:
        short, digits = HEADS[score]
        said.append(f"{short} {', '.join(f'{number(TABLES[table][row][score], digits)} ({row})' for row in rows)}")
    return "; ".join(said) + "."


def compare(where: str, gap: Gap, what: str = "") -> Evidence:
    """A comparison of two models as evidence; where it is undecided, its text states the bound.

    Arguments:
        where: the data that it was made on.
        gap: the difference.
        what: which models, where the claim does not say it.
    """
    bound = f", at most {gap.bound} either way" if gap.word == "undecided" else ""
    return Evidence(where, f"{what}{SHORT[gap.score]} {gap}{bound}", gap.word)


def on_both(
    tables: Tables, notebook: str, first: str, second: str, scores: tuple[str, ...], what: str = ""
) -> tuple[Evidence, ...]:
    """The same comparison on phones and on dark sensors.

    Arguments:
        tables: the tables to read.
        notebook: the first digits of its name.
        first, second: names of the models; the difference is first minus second.
        scores: the scores that are compared.
        what: which models, where the claim does not say it.
    """
    return tuple(
        compare(where, tables.gap(notebook, first, second, score, **chosen), what)
        for where, chosen in SETS.items()
        for score in scores
    )


def collapse_tests(t: Tables) -> tuple[Evidence, ...]:
    """How many runs collapsed, on both sides of the critical lambda."""
    frame, tests = t.frame("60", textured=False), []
    critical = float(frame["critical_mse_weight"].mean())
    sides = {"below": frame["mse_weight"] < critical, "above": frame["mse_weight"] >= critical}
    for name in ("cross_sample", "self_sample"):
        for side, chosen in sides.items():
            steps = frame.loc[chosen, f"collapse.{name}.collapse_step"]
            text = f"{label(name)} collapsed in {steps.notna().sum()} of {len(steps)} runs {side} the critical λ"
            falls = name == "self_sample" and side == "below"
            expected = steps.notna().all() if falls else steps.isna().all()
            tests.append(Evidence("simulated S6, ISO 800", text, "as claimed" if expected else "not as claimed"))
    return tuple(tests)


def zero_weight_tests(t: Tables) -> tuple[Evidence, ...]:
    """PSNR at lambda 0 less that at 2^18, on smooth scenes and on textured ones."""
    psnr = "denoisers.cross_sample.psnr_db"
    return tuple(
        compare(f"simulated S6, {name} scenes", t.change("60", psnr, "mse_weight", (2.0**18, 0.0), textured=textured))
        for name, textured in (("smooth", False), ("textured", True))
    )


def recovery_tests(t: Tables) -> tuple[Evidence, ...]:
    """Shot and read noise over their truth, less 1, for every camera."""
    tests = []
    for camera in t.frame("50")["point.parameters.camera"].unique():
        for what in ("shot", "read"):
            values = t.numbers("50", f"recovery.cross_sample.{what}_ratio", camera=camera)
            mean, low, high = (100 * (v - 1) for v in student_interval(values))
            text = f"{what} noise {mean:+.1f} % [{low:+.1f}, {high:+.1f}] from the truth".replace("-", "−")
            tests.append(Evidence(f"simulated {camera}, ISO 800", text, "undecided" if low <= 0 <= high else "biased"))
    return tuple(tests)


def summary(found: list[Claim]) -> str:
    """A table of claims and verdicts, as Markdown."""
    rows = [markdown_row([claim.sentence, f"**{claim.verdict}**"]) for claim in found]
    return "\n".join(["| claim | here |", "|---|---|", *rows])


def section(claim: Claim) -> str:
    """One claim with its evidence, as Markdown."""
    lines = [f"- {found.where}: {found.text}, *{found.word}*" for found in claim.tests]
    parts = [f"**Here: {claim.verdict}.**", *([f"The paper: {claim.paper}"] if claim.paper else []), "\n".join(lines)]
    return "\n\n".join([f"### {claim.sentence.rstrip('.')}", *parts, f"Limits: {claim.limits}"])

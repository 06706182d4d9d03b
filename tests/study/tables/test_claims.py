"""A verdict follows from the readings of a claim's tests alone."""

import pytest

from n2nf_core.study.tables.claims import PSNR, Claim, Evidence, compare, paper, section, summary
from n2nf_core.study.tables.readings import Gap


def claim(*words, level=False):
    tests = tuple(Evidence("here", "PSNR +1 dB", word) for word in words)
    return Claim("name", "A is better than B.", "PSNR 2.", tests, "41_x", "Few seeds.", level)


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        (("better", "better"), "holds"),
        (("worse", "worse"), "does not hold"),
        (("undecided", "undecided"), "undecided"),
        (("better", "undecided"), "in part"),
        (("undecided", "worse"), "does not hold"),
        (("better", "worse"), "in part"),
        (("as claimed", "better"), "holds"),
        (("biased",), "does not hold"),
    ],
)
def test_a_claim_that_one_is_ahead(words, verdict):
    assert claim(*words).verdict == verdict


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        (("undecided", "worse"), "falls short"),
        (("better", "worse"), "falls short"),
        (("better", "undecided"), "holds"),
        (("undecided",), "undecided"),
    ],
)
def test_a_claim_that_two_are_level(words, verdict):
    assert claim(*words, level=True).verdict == verdict


def test_an_undecided_test_states_its_bound():
    assert compare("here", Gap(0.0, -0.2, 0.2, PSNR)).text.endswith("at most 0.20 dB either way")
    assert "at most" not in compare("here", Gap(0.3, 0.2, 0.4, PSNR)).text


def test_the_page_says_claim_paper_evidence_and_limits():
    text = section(claim("better"))
    assert text.startswith("### A is better than B\n\n**Here: holds.**\n\nThe paper: PSNR 2.")
    assert "- here: PSNR +1 dB, *better*" in text and text.endswith("Limits: Few seeds.")
    assert "| A is better than B. | **holds** |" in summary([claim("better")])


def test_the_papers_values_are_those_of_its_tables():
    assert paper("Table 1", ("nll_nats_per_dim",), "N2N+NF") == "NLL −3.459 (N2N+NF)."
    assert paper("Table 4", (PSNR,), "U-Net + NLF") == "PSNR 52.13 (U-Net + NLF)."

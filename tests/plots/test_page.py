"""The page of a measurement."""

import re

import torch

from n2nf_core.baselines.skewness import third_cumulant
from n2nf_core.plots import measurement_page


def test_a_page_holds_all_it_shows():
    clean = torch.linspace(10, 900, 4 * 32 * 32).view(4, 32, 32).expand(4, -1, -1, -1)
    curve = third_cumulant([torch.poisson(clean, generator=torch.Generator().manual_seed(0))], saturation=1e4)
    page = measurement_page("gain 1 < 2", {"A & B, ISO 100": {"all": curve}, "C, ISO 200": {"all": curve}})
    assert page.count("data:image/png;base64,iVBOR") == 4 and "gain 1 &lt; 2" in page
    assert re.findall("<h2>(.*?)</h2>", page) == ["A &amp; B, ISO 100", "C, ISO 200"]
    assert not re.search(r'(src|href)="(?!data:)', page)

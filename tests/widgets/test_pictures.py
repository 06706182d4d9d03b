"""Pictures come back from the page, and what cannot be one is refused."""

import pytest
import torch
from cases.node import node

from n2nf_core.widgets import pictures


def test_pictures_come_back_from_the_page(tmp_path):
    planes = torch.rand(4, 5, 7, generator=torch.Generator().manual_seed(0))
    data = list(pictures.png(planes))
    script = f"""import {{ openScene }} from "JS/image.js";
    const found = await openScene(Uint8Array.from({data}));
    console.log(JSON.stringify({{...found, planes: [...found.planes]}}));"""
    found = node(script, tmp_path)
    assert (found["height"], found["width"]) == (5, 7)
    error = (torch.tensor(found["planes"]).view(4, 5, 7).sqrt() - planes.sqrt()).abs().max()
    assert float(error) <= 0.5 / 255 + 1e-6


def test_pictures_of_16_bits_come_back_with_what_is_below_black():
    planes = torch.rand(4, 3, 5, generator=torch.Generator().manual_seed(0)) * 1.9 - 0.45
    assert (pictures.from_png16(pictures.png16(planes)) - planes).abs().max() < 2e-5
    with pytest.raises(ValueError, match=r"must lie in \[-0.5, 1.5\), got 0 to 2"):
        pictures.png16(torch.tensor([[[0.0, 2.0]]]))

"""A small notebook that imports nothing slow, and the digest of a point of it."""

from n2nf_core.study import code_hash, points, runner

NOTEBOOK = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# A small one

```{code-cell} ipython3
:tags: [parameters]

profile = "smoke"
seed = 0
output_dir = "runs"
data = ""
weight = 1.0
```

```{code-cell} ipython3
import json
import os
from pathlib import Path

with open(f"{output_dir}/times", "a") as file:
    file.write("run\\n")
assert seed != 13, "unlucky"
content = {"seed": seed, "weight": weight, "gpu": os.environ.get("CUDA_VISIBLE_DEVICES")}
Path(output_dir, "tiny.json").write_text(json.dumps(content))
```
"""


def digest(notebook, **given):
    return points.describe(code_hash.read_code(notebook), runner.all_parameters(runner.inspect(notebook), given)).digest

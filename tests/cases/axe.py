"""axe-core, which looks for faults that hinder assistive technology; `make book` fetches it."""

from pathlib import Path

CHECKER = Path(__file__).parents[1] / "book/_vendor/axe.min.js"
FAULTS = """axe.run(document, {resultTypes: ["violations"], preload: false}).then(({violations}) => violations
    .filter(({impact}) => ["serious", "critical"].includes(impact))
    .map(({id, nodes}) => `${id}: ${nodes.slice(0, 3).map(({html}) => html.slice(0, 200)).join("  ")}`))"""

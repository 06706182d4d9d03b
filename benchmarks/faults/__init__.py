"""Faults on purpose: kills, two writers at once, full disks and power cuts, for every writer of files."""

"""Widgets that run in a page without a kernel. Their mathematics is in ``js`` and is tested against the core."""

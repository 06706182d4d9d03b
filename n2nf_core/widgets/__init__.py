"""Widgets for pages and for JupyterLab. Their mathematics is in ``js`` and is tested against the core.

All run in a page without a kernel, except ``burst``, which reads files and trains. The README beside this file says
how to add one.
"""

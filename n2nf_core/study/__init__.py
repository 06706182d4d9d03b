"""Running notebooks in batch: points, their results, tables and figures over runs."""

"""Running notebooks in batch: the points of a study, their results, and tables and figures over runs."""

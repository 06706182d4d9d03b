"""Waiting for what another thread says, however busy the machine is."""

import time

PATIENCE_S = 120


def wait_for_words(capsys, words: str) -> None:
    """Return when ``words`` have been written to standard error; AssertionError if they never are."""
    said, end = "", time.monotonic() + PATIENCE_S
    while words not in said:
        assert time.monotonic() < end, f"{words!r} was not said, but {said!r}"
        time.sleep(0.01)
        said += capsys.readouterr().err

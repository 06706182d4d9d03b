"""What a training shows and keeps while it runs."""

import math

import pytest

from n2nf_core.training import progress
from n2nf_core.training.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set: clock[0] are the seconds."""
    seconds = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: seconds[0])
    return seconds


def run(shown, clock, rows, folder):
    """A training of steps of 8 images; rows: seconds of the two steps before each row."""
    found = Progress(folder / "events", 2 * len(rows), shown, "training")
    found.begin(0)
    for number, seconds in enumerate(rows, 1):
        found.advance(8)
        found.advance(8)
        clock[0] += seconds
        found.add({"step": 2 * number, "mse": 0.5 / number, "psnr_db": None})
    found.end()
    return found


def test_the_speed_is_the_median_of_rows_and_the_first_row_is_told_apart(tmp_path, clock):
    found = run(False, clock, [10.0, 2.0, 2.0, 4.0, 1.0], tmp_path)
    rate, longer = found.speed()
    assert rate == pytest.approx(16 / 2) and longer == pytest.approx(10 - 16 / 8)


def test_without_a_row_there_is_no_speed(tmp_path):
    rate, longer = Progress(tmp_path, 4, False, "training").speed()
    assert math.isnan(rate) and longer == 0


def test_rows_are_kept_as_they_were_given(tmp_path, clock):
    found = run(False, clock, [1.0, 1.0], tmp_path)
    assert found.history == [
        {"step": 2, "mse": 0.5, "psnr_db": None},
        {"step": 4, "mse": 0.25, "psnr_db": None},
    ]


def test_one_process_writes_events_of_what_is_known_and_others_none(tmp_path, clock):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(True, clock, [1.0, 1.0, 1.0], tmp_path / "first")
    run(False, clock, [1.0], tmp_path / "other")
    events = EventAccumulator(str(tmp_path / "first/events")).Reload()
    assert events.Tags()["scalars"] == ["step", "mse"]
    assert [(e.step, e.value) for e in events.Scalars("mse")] == [(2, 0.5), (4, 0.25), (6, pytest.approx(1 / 6))]
    assert not (tmp_path / "other").exists()


def test_a_finished_training_shows_nothing_more(tmp_path):
    done = Progress(tmp_path / "events", 5, True, "training")
    done.begin(5)
    done.end()
    assert done.bar.disable and done.writer is None and not (tmp_path / "events").exists()

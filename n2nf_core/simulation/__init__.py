"""Simulated scenes, sensors and bursts. Their noise is known, and they are the default data of the project."""

from n2nf_core.simulation.calibrations import CALIBRATIONS
from n2nf_core.simulation.densities import PhotonNoise, RowNoise, ScaledNoise, StudentT, Telegraph
from n2nf_core.simulation.embedded import (
    FIVE_CAMERAS,
    SETTINGS,
    dark_bursts,
    physical_bursts,
    sensors_in_the_dark,
    simulate_burst_frames,
    simulated_bursts,
)  # fmt: skip
from n2nf_core.simulation.scenes import dead_leaves, expose
from n2nf_core.simulation.sensor import PhysicalSensor
from n2nf_core.simulation.unprocessing import photographs
from n2nf_core.simulation.worlds import World, known_worlds

__all__ = [
    "CALIBRATIONS", "FIVE_CAMERAS", "SETTINGS", "PhotonNoise", "PhysicalSensor", "RowNoise", "ScaledNoise",
    "StudentT", "Telegraph", "World", "dark_bursts", "dead_leaves", "expose", "known_worlds", "photographs",
    "physical_bursts", "sensors_in_the_dark", "simulate_burst_frames", "simulated_bursts",
]  # fmt: skip

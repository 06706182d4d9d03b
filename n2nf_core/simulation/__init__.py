"""Scenes, sensors and bursts whose noise is known: the embedded default data."""

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
from n2nf_core.simulation.sensor_stages import CALIBRATIONS

__all__ = [
    "CALIBRATIONS", "FIVE_CAMERAS", "SETTINGS", "PhysicalSensor", "dark_bursts", "dead_leaves", "expose",
    "physical_bursts", "sensors_in_the_dark", "simulate_burst_frames", "simulated_bursts",
]  # fmt: skip

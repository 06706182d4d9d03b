"""SIDD (Abdelhamed et al., CVPR 2018): its layouts on disk, its MATLAB files and its metadata."""

from n2nf_core.importers.sidd.files import Instance, instances
from n2nf_core.importers.sidd.metadata import read_metadata
from n2nf_core.importers.sidd.reader import (
    CAMERA_CFA,
    TEST_INSTANCES,
    TRAIN_INSTANCES,
    read_instance,
    reject_single,
    split_instances,
    validation_blocks,
)

__all__ = [
    "CAMERA_CFA", "Instance", "TEST_INSTANCES", "TRAIN_INSTANCES", "instances", "read_instance",
    "read_metadata", "reject_single", "split_instances", "validation_blocks",
]  # fmt: skip

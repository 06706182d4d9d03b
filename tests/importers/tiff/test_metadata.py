"""What OME, ImageJ and plain metadata state about a series."""

import pytest
import tifffile
from cases.stacks import mosaics

from n2nf_core.bursts import BurstError, BurstWarning
from n2nf_core.importers import read_bursts
from n2nf_core.importers.stated import Stated
from n2nf_core.importers.tiff.metadata import described

OME = (
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Instrument ID="Instrument:0">'
    '<Detector ID="Detector:0" Model="Zyla"/></Instrument><Image ID="Image:0"><Pixels ID="Pixels:0" '
    'DimensionOrder="XYZCT" Type="uint16" SizeX="24" SizeY="16" SizeC="1" SizeZ="1" SizeT="4" SignificantBits="12">'
    '<Channel ID="Channel:0:0" SamplesPerPixel="1"><DetectorSettings ID="Detector:0" Gain="3.5" Binning="2x2"/>'
    '</Channel><TiffData IFD="0" PlaneCount="4"/><Plane TheC="0" TheZ="0" TheT="0" ExposureTime="20" '
    'ExposureTimeUnit="ms"/><Plane TheC="0" TheZ="0" TheT="2" ExposureTime="0.5"/></Pixels></Image></OME>'
)


def look(path, **how):
    tifffile.imwrite(path, mosaics(), photometric="minisblack", **how)
    with tifffile.TiffFile(path) as file:
        return described(path, file, 0, 4, [])


def test_ome(tmp_path):
    found, times = look(tmp_path / "s.ome.tif", description=OME, metadata=None)
    assert found == Stated("Zyla", white=4095, gain=3.5, mode="Binning 2x2")
    assert times == [0.02, None, 0.5, None]


def test_imagej(tmp_path):
    info = "Exposure = 20 ms\nGain: 3\nCamera: Zyla\nPath: C:/x"
    found, times = look(tmp_path / "s.tif", imagej=True, metadata={"axes": "TYX", "Info": info, "mode": "grayscale"})
    assert (found, times) == (Stated("Zyla", exposure_s=0.02, gain=3), [None] * 4)


def test_plain_metadata_of_tifffile(tmp_path):
    found, _ = look(tmp_path / "s.tif", metadata={"black": 100, "white": 4095, "iso": 400, "cfa": "GRBG"})
    assert found == Stated(iso=400, black=100, white=4095, cfa="GRBG")


def test_frames_of_several_exposures_in_one_file(tmp_path):
    plane = {"ExposureTime": [20.0, 20.0, 20.0, 40.0], "ExposureTimeUnit": ["ms"] * 4}
    tifffile.imwrite(tmp_path / "s.ome.tif", mosaics(), ome=True, metadata={"axes": "TYX", "Plane": plane})
    with pytest.warns(BurstWarning, match="left out, because no other frame has their setting: frame 3"):
        (burst,) = read_bursts(tmp_path / "s.ome.tif", white=4095)
    assert len(burst) == 3 and burst.provenance["exposure_s"] == pytest.approx(0.02)


def test_signed_numbers_of_imagej_are_refused(tmp_path):
    text = "ImageJ=1.53k\nimages=4\nframes=4\ncf=0\nc0={}\nc1=1.0\n"
    for start in (-32768.0, 0.0):
        with tifffile.TiffWriter(tmp_path / "s.tif") as file:
            for t, frame in enumerate(mosaics()):
                how = {"photometric": "minisblack", "metadata": None, "contiguous": False}
                file.write(frame, description=text.format(start) if t == 0 else None, **how)
        if start:
            with pytest.raises(BurstError, match="s.tif: ImageJ states that 32768 is to be subtracted"):
                read_bursts(tmp_path / "s.tif", white=4095)
    assert len(read_bursts(tmp_path / "s.tif", white=4095)) == 1


def test_an_exposure_time_of_ome_that_is_not_understood_is_noted(tmp_path):
    path, notes = tmp_path / "s.ome.tif", []
    tifffile.imwrite(
        path, mosaics(), photometric="minisblack", description=OME.replace('"ms"', '"pixel"'), metadata=None
    )
    with tifffile.TiffFile(path) as file:
        assert described(path, file, 0, 4, notes)[1] == [None, None, 0.5, None]
    assert notes == ["ExposureTime '20 pixel' is not understood, so it is taken as not stated"]

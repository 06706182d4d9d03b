"""TIFF files with the tags and metadata that cameras and microscopes write."""

import tifffile

UUIDS = [f"urn:uuid:00000000-0000-4000-8000-{k:012d}" for k in (1, 2)]


def tags(cfa=(0, 1, 1, 2), cell=(2, 2), black=64, white=1023, iso=800, model="Cam X", exposure=(1, 50), extra=()):
    """Tags 272, 33421, 33422, 33434, 34855, 50714 and 50717 of one page; None leaves one out."""
    found = [
        (272, "s", 0, model, True),
        (33421, "H", 2, cell, True),
        (33422, "B", len(cfa or ()), cfa, True),
        (33434, "2I", 1, exposure, True),
        (34855, "H", 1, iso, True),
        (50714, "H", 1, black, True),
        (50717, "I", 1, white, True),
    ]
    return sorted([tag for tag in found if tag[3] is not None] + list(extra))


def write_pages(path, frames, each):
    """A file with one page per frame; ``each`` holds the tags of every page."""
    with tifffile.TiffWriter(path) as file:
        for frame, extra in zip(frames, each, strict=True):
            file.write(frame, photometric=32803, metadata=None, contiguous=False, extratags=extra)
    return path


def ome_set(folder, frames):
    """Two OME-TIFF files, each with half of the frames of one image; both describe all of it."""
    half, (height, width) = len(frames) // 2, frames.shape[1:]
    names = ["x_1.ome.tif", "x_2.ome.tif"]
    planes = "".join(
        f'<TiffData IFD="{t % half}" FirstT="{t}" PlaneCount="1"><UUID FileName="{names[t // half]}">'
        f"{UUIDS[t // half]}</UUID></TiffData>"
        for t in range(2 * half)
    )
    pixels = (
        f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="{width}" SizeY="{height}" SizeC="1" '
        f'SizeZ="1" SizeT="{2 * half}" BigEndian="false"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{planes}'
    )
    for k, name in enumerate(names):
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="{UUIDS[k]}"><Image ID="Image:0" Name="P0">{pixels}</Pixels></Image></OME>'
        )
        part = frames[half * k : half * (k + 1)]
        tifffile.imwrite(folder / name, part, photometric="minisblack", description=xml, metadata=None)

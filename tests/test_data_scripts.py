"""The data scripts, against a server on this machine that knows HTTP Range."""

import functools
import hashlib
import importlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import tifffile
from astropy.io import fits
from cases.sidd import mosaics, write_instance
from skimage.io import imsave

from n2nf_core import raw
from n2nf_core.bursts import open_burst

SCRIPTS = Path(__file__).parent.parent / "data_scripts"


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def script(name: str):
    return importlib.import_module(name)


class RangeHandler(SimpleHTTPRequestHandler):
    """Serves a folder; the server's attributes say how badly."""

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.server.seen.append((path.name, start))
        if not path.is_file():
            return self.send_error(404)
        data = path.read_bytes()
        if not self.server.ranges:
            start = 0
        elif start >= len(data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            return self.end_headers()
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        data = data[start:]
        if self.server.drops:
            self.server.drops -= 1
            data = data[: len(data) // 2]
        with suppress(ConnectionError):  # of a client that is killed on purpose
            for k in range(0, len(data), 1 << 16):
                self.wfile.write(data[k : k + (1 << 16)])
                time.sleep(self.server.pause_s)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    (tmp_path / "served").mkdir()
    handler = functools.partial(RangeHandler, directory=tmp_path / "served")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.seen, server.ranges, server.drops, server.pause_s = [], True, 0, 0.0
        server.folder, server.base = tmp_path / "served", f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def blob(server):
    data = np.random.default_rng(0).bytes(300_000)
    (server.folder / "blob").write_bytes(data)
    return f"{server.base}/blob", data, hashlib.md5(data).hexdigest()


def test_download_verifies_and_does_not_fetch_twice(server, blob, tmp_path):
    url, data, md5 = blob
    for _ in range(2):
        target = script("download").download(url, tmp_path / "got" / "blob", md5)
        assert target.read_bytes() == data and sorted(os.listdir(tmp_path / "got")) == ["SHA256SUMS", "blob"]
    assert server.seen == [("blob", 0)]


@pytest.mark.parametrize("have", [1, 100_000, 300_000])
def test_download_goes_on_with_a_part(server, blob, tmp_path, have):
    url, data, md5 = blob
    (tmp_path / "blob.part").write_bytes(data[:have])
    assert script("download").download(url, tmp_path / "blob", md5).read_bytes() == data
    assert server.seen == [("blob", have)]


def test_download_from_a_server_without_range_starts_again(server, blob, tmp_path):
    url, data, md5 = blob
    server.ranges = False
    (tmp_path / "blob.part").write_bytes(b"x" * 100_000)
    assert script("download").download(url, tmp_path / "blob", md5).read_bytes() == data


def test_download_drops_a_part_longer_than_the_file(server, blob, tmp_path):
    url, data, md5 = blob
    (tmp_path / "blob.part").write_bytes(data + b"more")
    assert script("download").download(url, tmp_path / "blob", md5).read_bytes() == data


def test_download_tries_again_when_the_line_breaks(server, blob, tmp_path, monkeypatch):
    url, data, md5 = blob
    server.drops = 2
    monkeypatch.setattr(script("download").time, "sleep", lambda _: None)
    assert script("download").download(url, tmp_path / "blob", md5).read_bytes() == data
    assert [start for _, start in server.seen] == [0, 150_000, 225_000]


def test_a_wrong_checksum_leaves_nothing(server, blob, tmp_path):
    with pytest.raises(OSError, match="MD5 is .* is expected; the damaged file is removed"):
        script("download").download(blob[0], tmp_path / "got" / "blob", "0" * 32)
    assert os.listdir(tmp_path / "got") == []


def test_what_is_not_there_is_asked_for_once(server, tmp_path):
    with pytest.raises(OSError, match="HTTP Error 404.*run again to continue"):
        script("download").download(f"{server.base}/none", tmp_path / "none")
    assert len(server.seen) == 1


def test_a_full_disk_leaves_no_file_under_the_name(server, blob, tmp_path, monkeypatch):
    monkeypatch.setattr(script("download"), "_opened", lambda part, have: open("/dev/full", "wb"))
    with pytest.raises(OSError, match="No space left on device"):
        script("download").download(blob[0], tmp_path / "blob", blob[2])
    assert not (tmp_path / "blob").exists()


def test_one_failing_archive_stops_the_others(server, blob, tmp_path):
    sidd = script("fetch_sidd")
    server.pause_s = 0.3
    start = time.monotonic()
    with pytest.raises(OSError, match="404"):
        sidd.fetch([sidd.Archive("none", "0" * 32), sidd.Archive("blob", blob[2])], server.base, tmp_path / "a", 2)
    assert time.monotonic() - start < 1.2 and not (tmp_path / "a" / "blob").exists()


def zipped(folder: Path, archive: Path) -> str:
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    return hashlib.md5(archive.read_bytes()).hexdigest()


@pytest.fixture
def medium(server, tmp_path):
    """Two SIDD-Medium instances and 3 MB of something else in one archive: path and MD5."""
    data = tmp_path / "tree" / "SIDD_Medium_Raw" / "Data"
    for k, name in enumerate(("0004_001_S6_00100_00060_4400_L", "0054_003_S6_00800_00350_5500_N")):
        write_instance(data / name, name[:4], mosaics(2, k), "GRBG", 100 * 8**k, clean=mosaics(2, k + 5))
    (data / "noise.bin").write_bytes(np.random.default_rng(0).bytes(3_000_000))
    return zipped(tmp_path / "tree", server.folder / "medium.zip")


def test_a_killed_sidd_fetch_goes_on_and_converts(server, medium, tmp_path):
    command = [sys.executable, SCRIPTS / "fetch_sidd.py", tmp_path / "out", "--base", server.base]
    command += ["--archive", f"medium.zip={medium}"]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS.parent)}
    part, size = tmp_path / "out/archives/medium.zip.part", (server.folder / "medium.zip").stat().st_size
    server.pause_s = 0.05
    first = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > size // 4) and time.monotonic() < deadline:
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    have = part.stat().st_size
    assert 0 < have < size and not part.with_suffix("").exists()
    server.pause_s = 0
    second = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert second.returncode == 0 and "2 instances converted" in second.stdout, second.stderr
    assert server.seen == [("medium.zip", 0), ("medium.zip", have)]
    stores = sorted((tmp_path / "out/bursts").iterdir())
    assert [path.name[:11] for path in stores] == ["0004_001_S6", "0054_003_S6"]
    for k, path in enumerate(stores):
        burst = open_burst(path)
        assert np.array_equal(burst.frames[:], raw.pack(raw.unify(mosaics(2, k), "GRBG")))
        assert burst.camera == "S6" and burst.clean is not None


def test_sidd_full_spreads_an_instance_over_archives(tmp_path):
    write_instance(tmp_path / "tree", "0011", mosaics(3), "GRBG", 400, full=True, clean=mosaics(3), first=1)
    for kind in ("NOISY", "GT", "METADATA"):
        (tmp_path / kind).mkdir()
        (tmp_path / "tree" / f"0011_{kind}_RAW").rename(tmp_path / kind / f"0011_{kind}_RAW")
        zipped(tmp_path / kind, tmp_path / f"{kind}.zip")
    archives = [tmp_path / f"{kind}.zip" for kind in ("NOISY", "GT", "METADATA")]
    (path,), kept = script("fetch_sidd").convert_archives(archives, tmp_path / "out", jobs=1)
    burst = open_burst(path)
    assert kept == []
    assert burst.shape[0] == 3 and burst.clean is not None and (burst.camera, burst.iso) == ("S6", 400)
    assert script("fetch_sidd").convert_archives(archives, tmp_path / "out", jobs=1) == ([], [path])
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["sidd_0011.burst.zarr"]


def test_the_published_checksums_and_the_archive_option():
    sidd = script("fetch_sidd")
    assert sidd.ARCHIVES["medium"] == ("SIDD_Medium_Raw.zip", "0f44ddb6ec820271c9996aa32a9cc270")
    assert sidd.ARCHIVES["small"] == ("SIDD_Small_Raw_Only.zip", "c033f580fb64aa549679d056d1cf796a")
    assert sidd._archive("medium") is sidd.ARCHIVES["medium"]
    for text in ("large", "a.zip", "a.zip=12", "../a.zip=" + "0" * 32):
        with pytest.raises(Exception, match="neither of medium, small nor NAME.zip=SUM"):
            sidd._archive(text)


def call(monkeypatch, name: str, *arguments) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    module = script(name)
    script("script").run(module.main)


def test_the_packaged_real_sets(real_data, tmp_path, monkeypatch):
    call(monkeypatch, "fetch_real_sets", tmp_path, "--local", real_data, "--sets", "acsn", "emva")
    names = sorted(path.name.removesuffix(".burst.zarr") for path in (tmp_path / "bursts").iterdir())
    assert len(names) == 1 + 37 + 5 + 2
    arrays = np.load(real_data / "emva1288_basler_ccd12.npz")
    burst = open_burst(tmp_path / "bursts" / "emva_bright_07.burst.zarr")
    assert np.array_equal(burst.frames[:], raw.pack(arrays["pairs"][7]))
    assert (burst.camera, burst.cfa, burst.black, burst.white) == ("Basler-CCD12", "MONO", (14.785,) * 4, 4095)
    assert burst.provenance["photons"] == arrays["photons"][7]
    assert burst.provenance["exposure_ns"] == arrays["exposure_ns"][7]
    assert len(open_burst(tmp_path / "bursts" / "emva_stack_dark.burst.zarr")) == 20
    assert open_burst(tmp_path / "bursts" / "acsn_scmos_tirf_200hz.burst.zarr").camera == "ACsN-sCMOS"


def files(server) -> list[str]:
    """Addresses of all files of the server, below its base."""
    found = (path.relative_to(server.folder).as_posix() for path in server.folder.rglob("*") if path.is_file())
    return [name.replace(" ", "%20") for name in found]


def test_the_real_sets_from_repositories_laid_out_alike(server, tmp_path, monkeypatch):
    """The layouts of the public repositories, small; the repositories themselves are not asked."""
    sets, rng = script("fetch_real_sets"), np.random.default_rng(0)
    monkeypatch.setattr(sets, "_D7000_EXPOSURES", 2)
    monkeypatch.setattr(sets, "_D7000_COUNTS", {1: 5})
    monkeypatch.setattr(sets, "_EMVA_EXPOSURES", 2)
    acsn, d7000, emva = (server.folder / path.replace("%20", " ") for path in (sets.ACSN, sets.D7000, sets.EMVA))
    for folder in (acsn.parent, d7000, emva / "images"):
        folder.mkdir(parents=True)
    tifffile.imwrite(acsn, rng.integers(90, 181, (4, 16, 16)).astype(np.uint16), photometric="minisblack")
    crops = rng.integers(0, 9000, (11, 16, 16)).astype(np.uint16)
    for k, crop in enumerate(crops, 1):
        fits.PrimaryHDU(crop).writeto(d7000 / f"crop_{k}.fit")
    lines = ["# text", "v 3.0", "n 12 16 16"]
    for k in range(3):
        lines += [f"b {k + 1}0.0 {k}5.0", rf"i images\b_{k:03d}_snap_001.png"]
        for snap in (1, 2):
            frame = rng.integers(0, 4000, (16, 16)).astype(np.uint16)
            imsave(emva / "images" / f"b_{k:03d}_snap_{snap:03d}.png", frame, check_contrast=False)
    (emva / "EMVA1288_Data.txt").write_text("\n".join(lines))
    with pytest.raises(SystemExit, match="SHA256 is .* is expected"):
        call(monkeypatch, "fetch_real_sets", tmp_path / "out", "--base", server.base)
    served = {path: hashlib.sha256((server.folder / path.replace("%20", " ")).read_bytes()) for path in files(server)}
    monkeypatch.setattr(sets, "SHA256", {path: digest.hexdigest() for path, digest in served.items()})
    call(monkeypatch, "fetch_real_sets", tmp_path / "out", "--base", server.base)
    found = {path.name: open_burst(path) for path in sorted((tmp_path / "out/bursts").iterdir())}
    assert [re.sub(r"\.burst\.zarr$", "", name) for name in found] == [
        "acsn_scmos_tirf_200hz", "emva_bright_00", "emva_bright_01", "nikon_d7000_01", "nikon_d7000_02",
    ]  # fmt: skip
    assert [len(burst) for burst in found.values()] == [4, 2, 2, 5, 6]
    assert np.array_equal(found["nikon_d7000_02.burst.zarr"].frames[:], raw.pack(crops[5:]))
    assert found["emva_bright_01.burst.zarr"].provenance["photons"] == 15
    assert found["acsn_scmos_tirf_200hz.burst.zarr"].white == 200

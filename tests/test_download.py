"""Downloads from servers that misbehave: another version, another size, endless drips, other schemes, links."""

import hashlib
import os
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "data_scripts"))
import download as module  # noqa: E402
import fetch_real_sets  # noqa: E402
from download import download  # noqa: E402

DATA = np.random.default_rng(0).bytes(100_000)
OTHER = np.random.default_rng(1).bytes(100_000)
SHA256, MD5 = hashlib.sha256(DATA).hexdigest(), hashlib.md5(DATA).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves ``server.data``; the server's attributes say how badly."""

    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.seen.append((wanted, self.headers.get("If-Range")))
        if server.redirect:
            self.send_response(302)
            self.send_header("Location", server.redirect)
            return self.end_headers()
        changed = server.obeys and self.headers.get("If-Range") not in (None, server.headers.get("ETag"), "today")
        start = 0 if wanted is None or changed else int(wanted[6:-1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(server.data) - 1}/{server.stated or len(server.data)}"
            )
        if server.stated is not None:
            self.send_header("Content-Length", str(server.stated - start))
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):
            for k in range(start, len(server.data), server.step):
                self.wfile.write(server.data[k : k + server.step])
                time.sleep(server.pause_s)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(module, "WAIT_S", 0)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.data, server.stated, server.headers, server.obeys = DATA, len(DATA), {"ETag": '"one"'}, True
        server.seen, server.redirect, server.step, server.pause_s = [], None, 1 << 16, 0.0
        server.url = f"http://127.0.0.1:{server.server_port}/blob"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def begun(folder, data=DATA[:30_000], version='"one"'):
    (folder / "blob.part").write_bytes(data)
    (folder / "blob.part.version").write_text(version)
    return folder / "blob"


@pytest.mark.parametrize(
    "headers", [{"ETag": '"one"'}, {"Last-Modified": "today"}, {"ETag": 'W/"a"', "Last-Modified": "today"}]
)
@pytest.mark.parametrize("checksum", [None, SHA256, MD5])
def test_a_part_of_the_same_version_is_continued(server, tmp_path, headers, checksum):
    server.headers = headers
    version = headers.get("Last-Modified", headers.get("ETag"))
    assert download(server.url, begun(tmp_path, version=version), checksum).read_bytes() == DATA
    assert server.seen == [("bytes=30000-", version)]
    assert set(os.listdir(tmp_path)) - {"SHA256SUMS"} == {"blob"}


@pytest.mark.parametrize("obeys", [True, False], ids=["If-Range is obeyed", "If-Range is ignored"])
def test_a_part_of_another_version_is_not_mixed_with_this_one(server, tmp_path, obeys):
    server.obeys = obeys
    target = begun(tmp_path, OTHER[:30_000], '"zero"')
    assert download(server.url, target).read_bytes() == DATA
    assert server.seen[0] == ("bytes=30000-", '"zero"')


def test_a_part_of_unknown_version_is_continued_only_where_a_checksum_can_tell(server, tmp_path):
    (tmp_path / "blob.part").write_bytes(OTHER[:30_000])
    assert download(server.url, tmp_path / "blob").read_bytes() == DATA
    assert server.seen == [(None, None)]
    (tmp_path / "b.part").write_bytes(DATA[:30_000])
    download(server.url, tmp_path / "b", SHA256)
    assert server.seen[1] == ("bytes=30000-", None)


def test_the_version_is_kept_for_an_interrupted_download(server, tmp_path):
    server.stated = 2 * len(DATA)
    with pytest.raises(OSError, match="ended after 100000 of 200000 bytes"):
        download(server.url, tmp_path / "blob", attempts=1)
    assert (tmp_path / "blob.part.version").read_text() == '"one"' and not (tmp_path / "blob").exists()


@pytest.mark.parametrize("checksum", [None, SHA256])
def test_a_server_that_states_too_little_or_too_much_is_not_believed(server, tmp_path, checksum):
    server.stated = len(DATA) + 5
    with pytest.raises(OSError, match="of 100005 bytes"):
        download(server.url, tmp_path / "a", checksum, attempts=2)
    server.stated = len(DATA) - 5
    if checksum:
        with pytest.raises(OSError, match="SHA256 is .* is expected"):
            download(server.url, tmp_path / "b", checksum)
    assert not (tmp_path / "a").exists() and not list(tmp_path.glob("b*"))


def test_a_server_that_sends_more_than_its_range_is_not_believed(server, tmp_path):
    server.headers = {}
    part = begun(tmp_path, DATA + b"more", "")
    server.stated = len(DATA) + 10
    server.data = DATA + b"0123456789xxxx"
    with pytest.raises(OSError, match="sent|ended|expected"):
        download(server.url, part, SHA256, attempts=1)
    assert not part.exists()


def test_a_file_of_unknown_size_needs_a_checksum(server, tmp_path):
    server.stated = None
    with pytest.raises(OSError, match="states no size.*give a checksum"):
        download(server.url, tmp_path / "blob")
    assert download(server.url, tmp_path / "blob", SHA256).read_bytes() == DATA


def test_a_size_that_the_disk_cannot_hold_is_refused_before_it_is_fetched(server, tmp_path):
    server.stated = 10**17
    with pytest.raises(OSError, match="100000000000000000 bytes are missing, and the disk has .* free"):
        download(server.url, tmp_path / "blob", SHA256)


def test_an_endless_drip_ends(server, tmp_path):
    server.step, server.stated, server.data = 1, 10**6, bytes(10**6)
    with pytest.raises(OSError, match="blob: it takes too long; the part fetched so far is kept"):
        download(server.url, tmp_path / "blob", SHA256, limit_s=0.3)
    assert 0 < (tmp_path / "blob.part").stat().st_size < 10**6


@pytest.mark.parametrize(
    "address", ["file:///etc/hostname", "ftp://127.0.0.1/blob", "data:text/plain,x", "gopher://h/b"]
)
def test_only_http_is_spoken(server, tmp_path, address):
    with pytest.raises(OSError, match="only http and https addresses are fetched here"):
        download(address, tmp_path / "blob")
    server.redirect = address
    with pytest.raises(
        OSError, match="only http and https addresses are fetched here|Redirection to url .* not allowed"
    ):
        download(server.url, tmp_path / "blob")
    assert not list(tmp_path.iterdir())


def test_https_does_not_become_http():
    request = module.urllib.request.Request("https://host/blob")
    with pytest.raises(OSError, match="only https addresses"):
        module._OnlyHttp().redirect_request(request, None, 302, "", {}, "http://host/blob")


@pytest.mark.parametrize("name", ["blob.part", "blob.part.version"])
def test_a_part_that_is_a_link_is_refused(server, tmp_path, name):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / name).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match=rf"{name}: it is a symbolic link"):
        download(server.url, tmp_path / "blob", SHA256)
    assert (tmp_path / "precious").read_text() == "precious" and server.seen == []


@pytest.mark.parametrize("checksum", [None, MD5])
def test_without_a_sha256_that_of_the_first_download_is_recorded_and_holds(server, tmp_path, checksum, capsys):
    download(server.url, tmp_path / "blob", checksum)
    assert (tmp_path / "SHA256SUMS").read_text() == f"{SHA256}  blob\n" and SHA256 in capsys.readouterr().err
    (tmp_path / "blob").unlink()
    download(server.url, tmp_path / "blob", checksum)
    assert "recorded" not in capsys.readouterr().err
    (tmp_path / "blob").unlink()
    server.data = OTHER
    with pytest.raises(OSError, match="is expected; the damaged file is removed"):
        download(server.url, tmp_path / "blob", checksum)
    assert not (tmp_path / "blob").exists()


def test_every_public_file_has_its_sha256():
    sets = fetch_real_sets
    names = [sets.ACSN, f"{sets.EMVA}/EMVA1288_Data.txt", *(f"{sets.D7000}/crop_{k}.fit" for k in range(1, 246))]
    names += [f"{sets.EMVA}/images/b_{k:03d}_snap_{s:03d}.png" for k in range(37) for s in (1, 2)]
    assert sorted(sets.SHA256) == sorted(names) and len(set(sets.SHA256.values())) > 240
    assert all(len(value) == 64 and int(value, 16) for value in sets.SHA256.values())

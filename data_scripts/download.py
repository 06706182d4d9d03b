"""A download that continues where it stopped. The file is checked before it gets its final name."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from tqdm import tqdm

from n2nf_core.files import durable_replace

BLOCK = 1 << 20
TIMEOUT_S = 60
WAIT_S = 1.0
PASSING = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)
ALGORITHMS = {32: "md5", 64: "sha256"}
"""Number of hexadecimal digits -> the checksum that has as many."""

RECORD = "SHA256SUMS"


def download(
    url: str,
    target: Path,
    checksum: str | None = None,
    *,
    attempts: int = 5,
    limit_s: float = 600,
    stopped: Callable[[], bool] = lambda: False,
) -> Path:
    """Fetch ``url`` to ``target``, unless the file exists; returns its path.

    A partial file ``target.part`` of an earlier call is continued with an HTTP Range request, if the server still has
    the same file. The file gets its final name after its checksum was found right; a file with a wrong one is removed.
    Without a SHA-256, that of the file is printed and recorded in ``SHA256SUMS`` beside it, and a later download of
    the same name must have the same.

    Arguments:
        url: address of the file, http or https.
        target: path of the file.
        checksum: expected SHA-256 or MD5, hexadecimal; None for no check but the recorded one.
        attempts: how often to try if the connection fails.
        limit_s: most seconds for all attempts together.
        stopped: says whether to stop. It is asked after every block.

    Errors: OSError if the file cannot be fetched completely, InterruptedError after ``stopped()`` was true.
    """
    part, deadline = target.with_name(f"{target.name}.part"), time.monotonic() + limit_s
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, attempts + 1):
        try:
            _continue(url, part, checksum, deadline, stopped)
            break
        except PASSING as error:
            refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
            if refused or attempt == attempts:
                raise OSError(f"{url}: {error}; the part fetched so far is kept: run again to continue") from error
            time.sleep(min(WAIT_S * 2**attempt, 30))
    _verify(part, checksum, url)
    with durable_replace(target) as new:
        os.replace(part, new)
    _validator(part).unlink(missing_ok=True)
    return target


class _OnlyHttp(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https, but not from https to http."""

    def redirect_request(self, request, file, code, message, headers, address):
        """The request for the new address; OSError for another scheme."""
        _check_scheme(address, ("https",) if urlsplit(request.full_url).scheme == "https" else ("http", "https"))
        return super().redirect_request(request, file, code, message, headers, address)


def _check_scheme(url: str, allowed: tuple[str, ...] = ("http", "https")) -> None:
    if urlsplit(url).scheme not in allowed:
        raise OSError(f"{url}: only {' and '.join(allowed)} addresses are fetched here: give one")


def _validator(part: Path) -> Path:
    """The file that holds what the server calls the version of the file whose part ``part`` is."""
    return part.with_name(f"{part.name}.version")


def _continue(url: str, part: Path, checksum: str | None, deadline: float, stopped: Callable[[], bool]) -> None:
    """Fetch the missing rest of ``part`` from ``url``. ConnectionError if the server ends too early."""
    _check_scheme(url)
    for path in (part, _validator(part)):
        if path.is_symlink():
            raise OSError(f"{path}: it is a symbolic link, and another file would be written: remove it")
    version = _validator(part).read_text() if _validator(part).exists() else ""
    have = part.stat().st_size if part.exists() and (version or checksum) else 0
    headers = {"Range": f"bytes={have}-"} | ({"If-Range": version} if version else {}) if have else {}
    try:
        opener = urllib.request.build_opener(_OnlyHttp)
        response = opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not have:
            raise
        if error.headers.get("Content-Range", "").removeprefix("bytes */") != str(have):
            _restart(part, url, checksum, deadline, stopped)  # it is longer than the file
        return
    with response:
        found = _version(response.headers)
        if have and version and found and found != version and response.status == 206:
            _restart(part, url, checksum, deadline, stopped)
            return
        ranged = re.fullmatch(rf"bytes {have}-\d+/(\d+)", response.headers.get("Content-Range", ""))
        if not (response.status == 206 and ranged):
            have, ranged = 0, None  # the server sends the whole file
        length = response.headers.get("Content-Length")
        total = int(ranged[1]) if ranged else int(length) if length else None
        if total is None and checksum is None:
            raise OSError(f"{url}: the server states no size, so a part could be taken for the file: give a checksum")
        _validator(part).unlink(missing_ok=True)
        if found:
            _validator(part).write_text(found)
        _receive(response, part, have, total, deadline, stopped)


def _restart(part: Path, url: str, checksum: str | None, deadline: float, stopped: Callable[[], bool]) -> None:
    """Fetch the file from its beginning, since ``part`` is not a part of what the server has now."""
    part.unlink()
    _validator(part).unlink(missing_ok=True)
    _continue(url, part, checksum, deadline, stopped)


def _version(headers: http.client.HTTPMessage) -> str:
    """What tells whether a file has changed: a strong ETag, else its date; empty where the server states neither."""
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _receive(
    response: http.client.HTTPResponse,
    part: Path,
    have: int,
    total: int | None,
    deadline: float,
    stopped: Callable[[], bool],
) -> None:
    """Write the body of the response to ``part``, after its first ``have`` bytes."""
    name, free = part.name.removesuffix(".part"), shutil.disk_usage(part.parent).free
    if total is not None and total - have > free:
        raise OSError(f"{name}: {total - have} bytes are missing, and the disk has {free} free: make room for it")
    with (
        _opened(part, have) as file,
        tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=name) as bar,
    ):
        while block := response.read1(BLOCK):  # read1 returns what has arrived, so little is lost if we are killed
            if stopped():
                raise InterruptedError(f"{name}: stopped; the part fetched so far is kept")
            if time.monotonic() > deadline:
                raise OSError(f"{name}: it takes too long; the part fetched so far is kept: run again to continue")
            file.write(block)
            bar.update(len(block))
    size = part.stat().st_size
    if total is not None and size < total:
        raise ConnectionError(f"the download ended after {size} of {total} bytes")
    if total is not None and size > total:
        part.unlink()
        raise ConnectionError(f"the server sent {size} bytes of a file of {total}")


def _opened(part: Path, have: int):
    """``part`` for writing after its first ``have`` bytes; what lies behind them is cut off. Links are not followed."""
    file = os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666), "wb")
    file.truncate(have)
    file.seek(have)
    return file


def _verify(part: Path, checksum: str | None, url: str) -> None:
    """OSError where the checksum, or the recorded one, is another; then the file is removed."""
    sums = [lambda: checksum] if checksum else []
    if ALGORITHMS.get(len(checksum or "")) != "sha256":
        sums.append(lambda: _recorded(part, url))  # only after a given checksum was found right
    for expected in (one() for one in sums):
        name = ALGORITHMS[len(expected)]
        with part.open("rb") as file:
            found = hashlib.file_digest(file, name).hexdigest()
        if found != expected:
            part.unlink()
            _validator(part).unlink(missing_ok=True)
            raise OSError(
                f"{url}: {name.upper()} is {found}, {expected} is expected; the damaged file is removed: run again"
            )


def _recorded(part: Path, url: str) -> str:
    """The SHA-256 that an earlier download of this name had; for the first one, that of ``part``, which is recorded."""
    name, record = part.name.removesuffix(".part"), part.with_name(RECORD)
    lines = record.read_text().splitlines() if record.exists() else []
    known = {line[66:]: line[:64] for line in lines}
    if name not in known:
        with part.open("rb") as file:
            known[name] = hashlib.file_digest(file, "sha256").hexdigest()
        with record.open("a") as file:
            file.write(f"{known[name]}  {name}\n")
        print(f"{url}: no SHA-256 is published; that of this file, {known[name]}, is recorded", file=sys.stderr)
    return known[name]

"""A download that continues where it stopped. The file is checked before it gets its final name."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

BLOCK = 1 << 20
TIMEOUT_S = 60
PASSING = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)


def download(
    url: str, target: Path, md5: str | None = None, *, attempts: int = 5, stopped: Callable[[], bool] = lambda: False
) -> Path:
    """Fetch ``url`` to ``target``, unless the file exists; returns its path.

    A partial file ``target.part`` of an earlier call is continued with an HTTP Range request. The file gets its final
    name after its MD5 was checked, if one is given. A file with a wrong MD5 is removed.

    Arguments:
        url: address of the file.
        target: path of the file.
        md5: expected MD5, hexadecimal; None for no check.
        attempts: how often to try if the connection fails.
        stopped: says whether to stop. It is asked after every block.

    Errors: OSError if the file cannot be fetched completely, InterruptedError after ``stopped()`` was true.
    """
    part = target.with_name(f"{target.name}.part")
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, attempts + 1):
        try:
            _continue(url, part, stopped)
            break
        except PASSING as error:
            refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
            if refused or attempt == attempts:
                raise OSError(f"{url}: {error}; the part fetched so far is kept: run again to continue") from error
            time.sleep(min(2**attempt, 30))
    if md5 is not None:
        _verify(part, md5, url)
    os.replace(part, target)
    return target


def _continue(url: str, part: Path, stopped: Callable[[], bool]) -> None:
    """Fetch the missing rest of ``part`` from ``url``. ConnectionError if the server ends too early."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not have:
            raise
        if error.headers.get("Content-Range", "").removeprefix("bytes */") != str(have):
            part.unlink()  # it is longer than the file, so it cannot be a part of it
            _continue(url, part, stopped)
        return
    with response:
        if not re.match(rf"bytes {have}-", response.headers.get("Content-Range", "")):
            have = 0  # the server ignores the range and sends the whole file
        _receive(response, part, have, stopped)


def _receive(response: http.client.HTTPResponse, part: Path, have: int, stopped: Callable[[], bool]) -> None:
    """Write the body of the response to ``part``, after its first ``have`` bytes."""
    length = response.headers.get("Content-Length")
    total = have + int(length) if length else None
    name = part.name.removesuffix(".part")
    with (
        part.open("r+b" if have else "wb") as file,
        tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=name) as bar,
    ):
        file.seek(have)
        while block := response.read1(BLOCK):  # read1 returns what has arrived, so little is lost if we are killed
            if stopped():
                raise InterruptedError(f"{name}: stopped; the part fetched so far is kept")
            file.write(block)
            bar.update(len(block))
    size = part.stat().st_size
    if total is not None and size < total:
        raise ConnectionError(f"the download ended after {size} of {total} bytes")


def _verify(part: Path, md5: str, url: str) -> None:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != md5:
        part.unlink()
        raise OSError(f"{url}: MD5 is {found}, {md5} is expected; the damaged file is removed: run again")

"""A download that goes on where it stopped and that is checked before its file gets its name."""

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
    """Fetch ``url`` to ``target`` unless it is there; OSError when it cannot be had whole.

    An earlier ``target.part`` is continued with an HTTP Range request. ``target`` appears only after its MD5,
    where one is given, was found right; a wrong file is removed. InterruptedError soon after ``stopped()``.
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
                raise OSError(f"{url}: {error}; what is fetched so far is kept, run again to go on") from error
            time.sleep(min(2**attempt, 30))
    if md5 is not None:
        _verify(part, md5, url)
    os.replace(part, target)
    return target


def _continue(url: str, part: Path, stopped: Callable[[], bool]) -> None:
    """Fetch what ``part`` still lacks of ``url``; ConnectionError when the server ends early."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not have:
            raise
        if error.headers.get("Content-Range", "").removeprefix("bytes */") != str(have):
            part.unlink()  # longer than the file, so no part of it
            _continue(url, part, stopped)
        return
    with response:
        if not re.match(rf"bytes {have}-", response.headers.get("Content-Range", "")):
            have = 0  # the server sends the file from its start
        _receive(response, part, have, stopped)


def _receive(response: http.client.HTTPResponse, part: Path, have: int, stopped: Callable[[], bool]) -> None:
    """Write the body behind the first ``have`` bytes of ``part``."""
    length = response.headers.get("Content-Length")
    total = have + int(length) if length else None
    name = part.name.removesuffix(".part")
    with (
        part.open("r+b" if have else "wb") as file,
        tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=name) as bar,
    ):
        file.seek(have)
        while block := response.read1(BLOCK):  # what has come, so that a kill loses little
            if stopped():
                raise InterruptedError(f"{name}: stopped; what is fetched so far is kept")
            file.write(block)
            bar.update(len(block))
    size = part.stat().st_size
    if total is not None and size < total:
        raise ConnectionError(f"ended after {size} of {total} bytes")


def _verify(part: Path, md5: str, url: str) -> None:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != md5:
        part.unlink()
        raise OSError(f"{url}: MD5 is {found}, {md5} is expected; the damaged file is removed, run again")

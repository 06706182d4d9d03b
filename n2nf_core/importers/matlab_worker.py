"""The process that reads MATLAB v5 files for :mod:`n2nf_core.importers.matlab`, since a damaged one can crash it.

It is run as a script, and imports nothing of this package, so that it starts quickly. It answers each request, a line
of JSON on its standard input, with one line of JSON on its standard output.
"""

import json
import sys
from collections.abc import Iterator

import numpy as np

MOST_BYTES = 2**31


def struct_fields(request: dict) -> dict:
    """The fields and tags of a struct ``request["key"]`` of the file ``request["path"]``, searched at any depth.

    The outermost field of a name is taken. A tag is a struct of ID and Value. Returns ``fields``, name -> text or list
    of numbers, and ``tags``, number as text -> list of numbers, for the names and numbers that the request wants.
    """
    import scipy.io

    root = scipy.io.loadmat(request["path"], squeeze_me=True, struct_as_record=False)[request["key"]]
    fields: dict = {}
    tags: dict = {}
    for struct in _structs(root):
        for name in set(request["fields"]) & set(struct._fieldnames):
            value = getattr(struct, name)
            if np.size(value):
                fields.setdefault(name, _plain(value))
        if {"ID", "Value"} <= set(struct._fieldnames) and np.size(struct.ID) == 1 and int(struct.ID) in request["tags"]:
            tags.setdefault(str(int(struct.ID)), _plain(struct.Value))
    return {"fields": fields, "tags": tags}


def array(request: dict) -> dict:
    """Store the array ``request["key"]`` of the file ``request["path"]`` as the NPY file ``request["into"]``."""
    import scipy.io

    value = scipy.io.loadmat(request["path"], variable_names=[request["key"]])[request["key"]]
    np.save(request["into"], value, allow_pickle=False)
    return {}


def _structs(value: object) -> Iterator:
    """Every MATLAB struct in ``value``, outermost first."""
    if hasattr(value, "_fieldnames"):
        yield value
        for name in value._fieldnames:
            yield from _structs(getattr(value, name))
    elif isinstance(value, np.ndarray) and value.dtype == object:
        for item in value.flat:
            yield from _structs(item)


def _plain(value: object) -> str | list[float]:
    return value if isinstance(value, str) else np.ravel(value).astype(np.float64).tolist()


def main() -> None:
    """Answer requests until standard input ends, with at most 2 GiB of memory where the system can limit it."""
    try:
        import resource
    except ImportError:  # Windows
        pass
    else:
        for limit, most in ((resource.RLIMIT_AS, MOST_BYTES), (resource.RLIMIT_CORE, 0)):
            hard = resource.getrlimit(limit)[1]  # which this process may not raise
            resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"array": array, "struct": struct_fields}[request["what"]](request)
        except Exception as error:  # scipy's parser raises errors of many types
            answer = {"error": " ".join(str(error).split())[:200] or type(error).__name__}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()

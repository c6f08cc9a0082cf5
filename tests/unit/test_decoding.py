"""Structs that several threads decode for the first time at once."""

import subprocess
import sys

import msgspec
import pytest

from clusterprobe.decoding import from_json, from_tree

RACE = """
import sys, threading, types
import msgspec
from clusterprobe.decoding import from_json

SOURCE = "from __future__ import annotations\\nfrom msgspec import Struct\\n" + "\\n".join(
    f"class C{i}(Struct):\\n    f0: list[int] | None = None\\n    f1: dict[str, int] | None = None\\n    inner: C{max(0, i - 1)} | None = None"
    for i in range(8)
)
sys.setswitchinterval(1e-6)

def structs(number):
    module = sys.modules[f"m{number}"] = types.ModuleType(f"m{number}")
    exec(SOURCE, module.__dict__)
    return [getattr(module, f"C{i}") for i in range(8)]

def nested(depth):
    return {"f0": [1], "inner": nested(depth - 1)} if depth else {"f1": {"a": 1}}

def decode(kind, content, barrier):
    barrier.wait()
    from_json(content, kind)

for number in range(60):
    barrier = threading.Barrier(8)
    work = [(kind, msgspec.json.encode(nested(i)), barrier) for i, kind in enumerate(structs(number))]
    threads = [threading.Thread(target=decode, args=one) for one in work]
    for one in threads: one.start()
    for one in threads: one.join()
"""


class Thing(msgspec.Struct):
    name: str


def test_threads_that_meet_a_struct_at_the_same_moment_do_not_crash_the_process():
    ended = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_what_does_not_fit_is_refused_as_msgspec_does():
    for decode, value in ((from_json, b'{"name": 1}'), (from_tree, {"name": 1})):
        with pytest.raises(msgspec.ValidationError, match=r"Expected `str`, got `int` - at `\$.name`"):
            decode(value, Thing)

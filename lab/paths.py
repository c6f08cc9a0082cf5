"""Where the lab keeps things: its state, which `down` removes, and the cache of built programs, which stays."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]  # of the project
STATE = Path(os.environ.get("LAB_DIR") or Path(tempfile.gettempdir()) / "clusterprobe-lab")
CACHE = Path(os.environ.get("CLUSTERPROBE_LAB_CACHE") or Path.home() / ".cache" / "clusterprobe-lab")
KUBECONFIG = STATE / "kubeconfig"
STAGED = STATE / "staged.json"
# What NFS servers would export: `spec.nfs.path` of a PersistentVolume is a folder under it.
NFS_EXPORTS = STATE / "nfs"

"""Many clusters: runs in an object store, and one answer over all of them."""

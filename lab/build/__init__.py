"""Programs from their Go modules, and images that hold them, each made once and kept in the cache."""

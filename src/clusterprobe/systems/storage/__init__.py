"""Storage: what a volume is, where it is mounted from, and what happens to it when it is released."""

"""Loki: its replicas, its own log, its ruler, and what queries cost."""

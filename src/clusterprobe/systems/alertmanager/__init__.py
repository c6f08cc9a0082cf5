"""Alertmanager: its configuration, its routes and what it delivers."""

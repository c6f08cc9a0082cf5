"""Argo CD's Applications."""

"""Served models."""

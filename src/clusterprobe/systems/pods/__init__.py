"""Pods: why they crash, what they may not write, and how they terminate."""

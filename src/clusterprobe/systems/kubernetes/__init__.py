"""Kubernetes itself: its objects, its API, and what the systems on it are made of."""

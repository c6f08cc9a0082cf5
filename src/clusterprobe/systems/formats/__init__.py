"""Texts and answers that several systems share, and how they are read."""

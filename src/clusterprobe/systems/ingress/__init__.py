"""Ingresses: where they lead, and with which certificate."""

"""Prometheus, its Operator, and what it selects, scrapes and evaluates."""

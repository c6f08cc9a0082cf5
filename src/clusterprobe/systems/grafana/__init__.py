"""Grafana: its datasources and the queries of its dashboards."""

"""Airflow: its parts and their health."""

"""MLflow: its servers and what it serves."""

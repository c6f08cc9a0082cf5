"""A served model's canary, beside its stable version."""

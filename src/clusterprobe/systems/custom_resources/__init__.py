"""Objects of kinds that no other room judges: what they say of themselves by their conditions."""

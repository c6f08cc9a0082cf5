"""SealedSecrets, and the Secrets that should come of them."""

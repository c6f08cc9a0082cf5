"""Log agents: which there are, what they read, keep and drop."""

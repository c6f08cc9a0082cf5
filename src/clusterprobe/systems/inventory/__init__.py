"""What runs here: which systems, recognised by evidence, and how each is asked."""

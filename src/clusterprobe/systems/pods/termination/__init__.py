"""How long pods take to terminate, and in which phase."""

"""One module a system: what is read of it, and what follows from that without asking again."""

"""How something is reached. The only place that does network I/O, and where foreign exceptions end."""

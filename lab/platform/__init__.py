"""The systems on the cluster: what is installed of them, how they are read, and what makes them well."""

"""The bare cluster: the control plane as host processes, and nodes in namespaces of their own."""

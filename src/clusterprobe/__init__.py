"""Live diagnostic probes for a monitoring and ML platform on Kubernetes."""

__version__ = "0.1.0"

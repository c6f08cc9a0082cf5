"""`pytest probes` in a checkout runs the probes against the current kubeconfig; see `clusterprobe run --help` for more."""

pytest_plugins = ["clusterprobe.plugin"]

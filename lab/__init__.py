"""A real Kubernetes cluster on one machine, with the real systems as pods and the incidents staged on it."""

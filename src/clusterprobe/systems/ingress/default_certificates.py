"""The certificates that Ingress controllers make for themselves, and show where they have none for a host."""

from __future__ import annotations

from clusterprobe.access.tls import Certificate

# Words that all have to be in the certificate's subject (RFC 4514), as each controller writes it, and whose it is.
_SUBJECTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("CN=Kubernetes Ingress Controller Fake Certificate",), "ingress-nginx"),
    (("CN=TRAEFIK DEFAULT CERT",), "Traefik"),
    (("CN=localhost", "O=Kong"), "Kong"),
    (("CN=NGINXIngressController",), "NGINX Ingress Controller"),
)
_NAMES = ((".traefik.default", "Traefik"), ("ingress.local", "the Ingress controller"))


def whose_default(certificate: Certificate) -> str:
    """The controller whose default certificate this is; empty for any other."""
    for words, controller in _SUBJECTS:
        if all(word in certificate.subject for word in words):
            return controller
    return next((controller for end, controller in _NAMES if any(name.endswith(end) for name in certificate.names)), "")

"""What the stages of lab/stages/ingress_tls.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "tls-secret-missing": Expectation(
        {("ingress/tls", "DefaultCertificate"): ["fastapi-dev.lab.internal", "Traefik", "the Secret fastapi-dev/fastapi-tls", "is missing"]}
    ),
    "tls-expired": Expectation({("ingress/tls", "Expired"): ["fastapi-dev.lab.internal", "3 days ago", "fastapi-dev/fastapi-tls"]}),
    "tls-expiring": Expectation(
        warnings={("ingress/tls", "Expiring"): ["fastapi-dev.lab.internal", "in 3 days", "fastapi-dev/fastapi-tls"]}
    ),
    # Traefik shows a certificate for other names to nobody: its default is what clients see.
    "tls-wrong-names": Expectation(
        {("ingress/tls", "DefaultCertificate"): ["fastapi-dev.lab.internal", "fastapi-dev/fastapi-tls", "or is for other names"]}
    ),
    "tls-wildcard": Expectation(),
}

"""What the stages of lab/stages/ingress_routes.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "ingress-without-endpoints": Expectation(
        {
            ("ingress/routes", "NoEndpoints"): [
                "fastapi-dev.lab.internal/",
                "the Service fastapi-dev/fastapi-next selects",
                "version=v2",
                "no pod has these labels",
                "no version",
            ]
        }
    ),
    "ingress-wrong-service-port": Expectation(
        {("ingress/routes", "PortMissing"): ["fastapi-dev.lab.internal/", "has no port 80: it has 8000 (http)"]}
    ),
    "ingress-port-closed": Expectation({("ingress/routes", "PortClosed"): ["fastapi-dev.lab.internal", "8080", "8000"]}),
    "ingress-class-missing": Expectation(
        {
            ("ingress/routes", "ClassMissing"): ["ingressClassName is nginx-internal", "there are: traefik"],
            ("ingress/tls", "DefaultCertificate"): ["nginx-internal"],
        }
    ),
    "ingress-scaled-to-zero": Expectation(
        warnings={("ingress/routes", "NoEndpoints"): ["admin-dev.lab.internal/", "Deployment fastapi-dev/admin-page is scaled to 0"]}
    ),
    "ingress-controller-at-zero": Expectation(
        {("ingress/routes", "ControllerDown"): ["Deployment traefik/traefik", "scaled to 0"]},
        blind=frozenset({"ingress/tls", "ingress/routes"}),
    ),
    "ingress-behind-login": Expectation(),
    # Where a controller outside the cluster listens is not known, unless the profile says so.
    "ingress-other-class": Expectation(blind=frozenset({"ingress/tls", "ingress/routes"})),
}

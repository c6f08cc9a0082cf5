"""What the stages of lab/stages/classes.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "two-default-ingress-classes": Expectation(
        warnings={("ingress/classes", "SeveralDefaultIngressClasses"): ["traefik and traefik-internal", "is-default-class"]}
    ),
    "two-default-storage-classes": Expectation(
        warnings={("storage/classes", "SeveralDefaultClasses"): ["fast is the newest", "local-path"]}
    ),
}

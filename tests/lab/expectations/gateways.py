"""What the stages of lab/stages/gateways.py must lead to."""

from tests.lab.expectation import IMPATIENT, Expectation

STAGES = {
    "gateway-expired": Expectation(
        {("ingress/gateways", "ListenerNotValid"): ["shop.lab.internal", "3 days ago", "storefront/fastapi-tls"]}
    ),
    "gateway-not-granted": Expectation(
        {("ingress/gateways", "ListenerShowsOther"): ["default certificate of Traefik", "ReferenceGrant", "storefront/fastapi-tls"]}
    ),
    "gateway-without-backend": Expectation(
        {("objects/conditions", "ObjectNotReady"): ["HTTPRoute storefront/shop", "shop-old"]}, profile=IMPATIENT
    ),
}

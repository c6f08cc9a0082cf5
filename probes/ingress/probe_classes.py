from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Severity, Table
from clusterprobe.roles import Examined
from clusterprobe.systems.ingress.sources import INGRESS_CLASSES
from clusterprobe.systems.kubernetes.objects import IngressClass
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed

SEVERAL_DEFAULTS = FindingKind(
    "SeveralDefaultIngressClasses",
    Severity.WARNING,
    "More than one IngressClass is the default one, so that an Ingress without one is refused.",
)
DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


@reports(SEVERAL_DEFAULTS)
def probe_classes(verdict: Verdict, ingress_classes: Examined[IngressClass]) -> None:
    """Is at most one IngressClass the default one?

    Problem: The API server refuses every new Ingress that names no class.
    Cause: Two IngressClasses are marked as the default one: a second controller was installed, or a distribution brings one already.
    Fix: Leave the mark on one of them.
    Prevention: Name the class in every Ingress, and let only one controller's chart set ingressClass.isDefaultClass.
    """
    classes = [one for _, one in ingress_classes]
    defaults = [one for one in classes if one.is_default]
    if len(defaults) < 2:
        return
    names = [one.metadata.name for one in defaults]
    commands = [shell("kubectl annotate ingressclass {} {} --overwrite", one, f"{DEFAULT_CLASS}=false") for one in names[1:]]
    verdict.report(
        SEVERAL_DEFAULTS,
        INGRESS_CLASSES.subject("", names[0]),
        problem=f"{len(defaults)} IngressClasses are the default one: an Ingress that names none is refused as it is created.",
        cause=f'{listed(names, 4, between=" and ")} have the annotation {DEFAULT_CLASS}: "true".',
        fix=[
            look("See which controller each is for.", shell("kubectl get ingressclass")),
            change(
                f"Leave the mark on the one that Ingresses without a class are to get; as printed, on {names[0]}. What sets a mark sets it "
                "again: a chart at each upgrade (ingressClass.isDefaultClass), k3s at each start (--disable traefik).",
                *commands,
            ),
        ],
        exhibits=[
            Table(
                title="IngressClasses",
                columns=["Class", "Controller", "Default"],
                rows=[[one.metadata.name, one.spec.controller, "yes" if one.is_default else ""] for one in classes],
            )
        ],
    )

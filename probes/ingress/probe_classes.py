from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Severity, Table
from clusterprobe.roles import Conditional, Examined
from clusterprobe.systems.ingress.shared_classes import Shared, may_share, shared_classes
from clusterprobe.systems.ingress.sources import INGRESS_CLASSES
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import IngressClass
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed

SEVERAL_DEFAULTS = FindingKind(
    "SeveralDefaultIngressClasses",
    Severity.WARNING,
    "More than one IngressClass is the default one, so that an Ingress without one is refused.",
)
SHARED = FindingKind(
    "IngressClassShared",
    Severity.WARNING,
    "Two controllers serve the same Ingresses.",
    prevention="Give each controller of one kind its own controller class in its chart's values, and its IngressClass that controller.",
)
DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


@reports(SEVERAL_DEFAULTS, SHARED)
def probe_classes(verdict: Verdict, ingress_classes: Examined[IngressClass], system_pods: Conditional[SystemPod]) -> None:
    """Is at most one IngressClass the default one, and is each served by one controller?

    Problem: The API server refuses every new Ingress that names no class. Or an Ingress is answered by two controllers, and its address
    changes back and forth.
    Cause: Two IngressClasses are marked as the default one: a second controller was installed, or a distribution brings one already. Or two
    installations of ingress-nginx have the same controller class.
    Fix: Leave the mark on one of them. Give each controller a class of its own.
    Prevention: Name the class in every Ingress, and let only one controller's chart set ingressClass.isDefaultClass.
    """
    classes = [one for _, one in ingress_classes]
    defaults = [one for one in classes if one.is_default]
    if len(defaults) > 1:
        _report_defaults(verdict, classes, defaults)
    pods = system_pods.need() if may_share(classes) else system_pods.enrich()
    for shared in shared_classes(classes, pods):
        _report_shared(verdict, shared)


def _report_defaults(verdict: Verdict, classes: list[IngressClass], defaults: list[IngressClass]) -> None:
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


def _report_shared(verdict: Verdict, shared: Shared) -> None:
    one, other = shared.one.workload, shared.other.workload
    classes = f"the class {shared.classes[0]}" if len(shared.classes) == 1 else f"the classes {listed(shared.classes, 5, between=' and ')}"
    described = [shell("kubectl -n {} describe {} {}", each.namespace, each.kind.lower(), each.name) for each in (one, other)]
    verdict.report(
        SHARED,
        INGRESS_CLASSES.subject("", shared.classes[0]),
        problem=f"{one} and {other} both serve every Ingress of {classes}: each answers for its hosts, and writes its own address into it.",
        cause=f"Both are the controller {shared.one.controller} to IngressClasses (--controller-class), by which ingress-nginx decides, "
        "and not by the names of classes. What is meant to be reached by one of them only is reached by the other as well.",
        fix=[
            look(
                "See which Ingresses are meant for which, and how each controller is started.", shell("kubectl get ingress -A"), *described
            ),
            change(
                "If one of them is left over, uninstall its release. Otherwise give one a name of its own in its chart's values "
                "(controller.ingressClassResource.name and .controllerValue, such as k8s.io/internal-ingress-nginx), and move its "
                "Ingresses to that class. The controller of an IngressClass that is there cannot be changed: such a class has to be "
                "deleted, and the chart makes it again; until then its Ingresses are not served."
            ),
        ],
    )

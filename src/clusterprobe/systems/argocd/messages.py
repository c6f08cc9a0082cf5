"""What Argo CD's messages, and those of the API server that it passes on, ask for: one row for each that is known.

Where a message names its cause in full, nothing is added to it; a row has what it does not say.
"""

from __future__ import annotations

from typing import NamedTuple

from clusterprobe.patterns import Pattern, ours


class Row(NamedTuple):
    """`message` is searched in what Argo CD says. `means` is a sentence, `fix` what to change for just that."""

    message: Pattern
    means: str
    fix: str


UNKNOWN_CLUSTER = Row(
    ours(r"there are no clusters with this name|cluster \S+ (?:has not been configured|not found)|unable to find destination server"),
    "Argo CD does not know the cluster that it is to deploy to.",
    "Add the cluster to Argo CD, or correct spec.destination of the Application.",
)
TABLE = (
    Row(
        ours(r"annotations: Too long"),
        "The object is too large for a client-side apply, which keeps a copy of it in an annotation.",
        "Set `ServerSideApply=true` in syncPolicy.syncOptions of the Application, or on that object alone by the annotation "
        "`argocd.argoproj.io/sync-options: ServerSideApply=true`.",
    ),
    Row(
        ours(r"(?i)field is immutable|updates to statefulset spec|spec is immutable"),
        "The API server does not let this field of an object that exists be changed.",
        "Set the field back in Git. Or let the object be created again, which ends its pods: delete it at a time that suits, and "
        "synchronise. With `--cascade=orphan` its pods stay; those that a changed selector no longer matches have to be deleted then.",
    ),
    Row(
        ours(r'namespaces? "[^"]+" not found'),
        "The namespace does not exist, and Argo CD does not create it by itself.",
        "Set `CreateNamespace=true` in syncPolicy.syncOptions of the Application, or create the namespace.",
    ),
    Row(
        ours(r"CRD is installed|no matches for kind|could not find the requested resource|could not find version"),
        "The kind is not served in that cluster: its definition (CRD) is not installed, or not in that version.",
        "Install what has the definition first, by an earlier sync wave or an Application of its own, or correct apiVersion.",
    ),
    Row(
        ours(r"(?i)authentication required|permission denied \(publickey\)|repository not found|invalid username or password"),
        "The repository refuses the credentials of Argo CD, or does not exist for them.",
        "Correct the address of the repository, or renew its credentials: the Secret of Argo CD with the label "
        "argocd.argoproj.io/secret-type.",
    ),
    Row(
        ours(r"unable to resolve '[^']*' to a commit SHA|couldn't find remote ref|reference not found"),
        "The repository has no such branch, tag or commit.",
        "Correct targetRevision of the Application, or push the branch or tag.",
    ),
    Row(
        ours(r"app path does not exist"),
        "The repository has no such folder at this revision.",
        "Correct spec.source.path of the Application, or commit the folder.",
    ),
    Row(
        ours(r"do(?:es)? not match any of the allowed destinations|is not permitted in project|not in the permitted"),
        "Its AppProject does not allow this.",
        "Allow it in spec.destinations, spec.sourceRepos or the lists of resources of the AppProject, or let the Application name another.",
    ),
    Row(
        ours(r"referencing project \S+ which does not exist"),
        "Its AppProject does not exist.",
        "Create the AppProject, or correct spec.project of the Application.",
    ),
    UNKNOWN_CLUSTER,
    Row(
        ours(r'is forbidden: User "system:serviceaccount:[^"]+" cannot '),
        "The ServiceAccount with which Argo CD deploys may not do this; nothing is wrong in Git.",
        "Bind a role that allows it to the ServiceAccount that the message names. OpenShift GitOps does so in namespaces with the label "
        "`argocd.argoproj.io/managed-by`, whose value is the namespace of Argo CD.",
    ),
    Row(
        ours(r"failed calling webhook"),
        "The API server cannot ask an admission webhook that it has to ask.",
        "Bring the webhook's pods back, or repair its certificate. If what it belongs to was removed, its configuration has to go with it.",
    ),
    Row(
        ours(r"code = Unimplemented"),
        "A part of Argo CD is asked for what it does not know yet: its parts run in different versions.",
        "Let the application controller, the repo-server and the server run in one version, and restart what an upgrade left behind.",
    ),
    Row(
        ours(r"code = Unavailable desc = .{0,80}EOF|code = ResourceExhausted"),
        "Argo CD's repo-server ended while it was asked, or was asked for more than it gives at once.",
        "See whether the repo-server restarts, and for what: often its memory limit. Else make what one Application renders smaller.",
    ),
    Row(
        ours(r"field not declared in schema"),
        "Argo CD compares by a schema that does not have this field: its version does not know that of the cluster, or of the CRD.",
        "Run a version of Argo CD that is tested with the cluster's. Until then let the API server compare, by the annotation "
        "`argocd.argoproj.io/compare-options: ServerSideDiff=true` of the Application.",
    ),
    Row(
        ours(r"(?i)no such host|i/o timeout|connection refused|context deadline exceeded"),
        "Argo CD does not reach what the message names, or not in time.",
        "Let Argo CD's repo-server and application controller reach it: its name, its address, their egress policies, the proxy.",
    ),
    Row(
        ours(r"conversion webhook for"),
        "A conversion webhook does not answer, so that the objects of that kind cannot be listed.",
        "Bring the webhook's pods back, or repair its certificate. If its operator was removed, its definitions have to go with it.",
    ),
    Row(
        ours(r"no (?:repository definition|cached repository) for|missing in charts/ directory"),
        "The chart depends on others, and Argo CD does not have the repository that these are in.",
        "Add that repository to Argo CD: a Secret with the label `argocd.argoproj.io/secret-type: repository`, type helm, and a name. Or "
        "commit the charts into charts/.",
    ),
    Row(
        ours(r"knownhosts: key"),
        "Argo CD does not know the SSH key of the repository's host, or another one.",
        "Compare the host's key with what its operator publishes, and add it to the ConfigMap argocd-ssh-known-hosts-cm of Argo CD.",
    ),
    Row(
        ours(r"the server has asked for the client to provide credentials"),
        "The cluster refuses the credentials that Argo CD has for it: they have expired, or were renewed there.",
        "Renew them in the Secret of Argo CD with the label `argocd.argoproj.io/secret-type: cluster`.",
    ),
    Row(
        ours(r"x509: certificate signed by unknown authority"),
        "Argo CD does not trust who issued the certificate of what the message names.",
        "For a repository add the CA to the ConfigMap argocd-tls-certs-cm of Argo CD, under the host's name; for a cluster to caData of "
        "its Secret.",
    ),
)


def row_of(message: str) -> Row | None:
    """What a message asks for; None where it is not known."""
    return next((one for one in TABLE if one.message.search(message)), None)

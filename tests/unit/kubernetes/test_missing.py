import pytest

from clusterprobe.fixes import text_of
from clusterprobe.systems.kubernetes.missing import look_for, missing_in, named


@pytest.mark.parametrize(
    ("message", "found"),
    [
        # as the API server says it, a controller's cache, and people
        ('secrets "db" not found', ["Secret shop/db"]),
        ('Secret "db" not found', ["Secret shop/db"]),
        ('reconcile: configmap "app" not found, retrying', ["ConfigMap shop/app"]),
        ('serviceaccounts "runner" not found', ["ServiceAccount shop/runner"]),
        ('storageclass.storage.k8s.io "fast" not found', ["StorageClass fast"]),
        ('Referenced "Issuer" not found: issuer.cert-manager.io "lets" not found', ["Issuer shop/lets"]),
        ('clusterissuer.cert-manager.io "lets" not found', ["ClusterIssuer lets"]),
        ('could not get SecretStore "vault", SecretStore.external-secrets.io "vault" not found', ["SecretStore shop/vault"]),
        ("Source 'GitRepository/apps' not found", ["GitRepository shop/apps"]),
        ("Source 'GitRepository/flux-system/apps' not found", ["GitRepository flux-system/apps"]),
        ('gitrepositories.source.toolkit.fluxcd.io "apps" not found', ["GitRepository shop/apps"]),
        ("Secret edge/tls does not exist.", ["Secret edge/tls"]),
        ("templates: Invalid value: \"rate\": AnalysisTemplate 'rate' not found", ["AnalysisTemplate shop/rate"]),
        ('canaryService: Invalid value: "web": service "web" not found', ["Service shop/web"]),
        ('secrets "a" not found; configmaps "b" not found; secrets "a" not found', ["Secret shop/a", "ConfigMap shop/b"]),
        # its namespace
        ('cannot get Kubernetes secret "db" from namespace "vault": secrets "db" not found', ["Secret vault/db"]),
        ("failed to get secret 'shop/db': secrets \"db\" not found", ["Secret shop/db"]),
        ("failed to get secret 'other/db': secrets \"db\" not found", []),
        ('key prod/db: secrets "db" not found', []),
        ('secrets "db" not found in the namespace of the operator', []),
        ('namespace "a" or namespace "b": secrets "db" not found', []),
        # what names no object that is certain
        ("Source artifact not found, retrying in 30s", []),
        ("Issuing certificate as Secret does not exist", []),
        ('services.serving.knative.dev "web" not found', []),
        ('widgets.example.org "a" not found', []),
        ("couldn't find key password in Secret shop/db", []),
        ('namespaces "shop" not found', []),
        ('secrets "db" is forbidden', []),
        ('secrets "--all" not found', []),
        ("", []),
    ],
)
def test_a_message_names_what_is_missing_only_where_that_is_certain(message: str, found: list[str]) -> None:
    assert [str(one) for one in missing_in(message, "shop")] == found


def test_of_an_object_in_no_namespace_only_what_is_in_none_is_certain() -> None:
    assert missing_in('secrets "db" not found', "") == []
    assert [str(one) for one in missing_in('ingressclass.networking.k8s.io "public" not found', "")] == ["IngressClass public"]


def test_each_is_named_and_looked_for_by_what_kubectl_calls_it() -> None:
    missing = missing_in('secrets "db" not found: storageclass.storage.k8s.io "fast" not found', "shop")
    assert named(missing) == " It misses Secret shop/db, StorageClass fast."
    text = text_of(look_for(missing))
    assert "$ kubectl -n shop get secrets db" in text
    assert "$ kubectl get storageclasses.storage.k8s.io fast" in text
    assert (named([]), look_for([])) == ("", [])

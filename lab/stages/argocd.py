"""What keeps a commit from arriving, and arriving whole: Argo CD, its Git repository, and what runs."""

from __future__ import annotations

from collections.abc import Callable

from lab import api
from lab.command import wait_until
from lab.platform import argocd
from lab.platform.effects import PATIENCE_SECONDS, wait_for_rollout
from lab.platform.manifests import Environment, render
from lab.stages import Stage

_HOOK = """apiVersion: batch/v1
kind: Job
metadata:
  name: feature-store-check
  annotations: {argocd.argoproj.io/hook: @{when}, argocd.argoproj.io/hook-delete-policy: BeforeHookCreation}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      securityContext: {runAsNonRoot: true, runAsUser: 65534}
      containers:
        - name: check
          image: lab/busybox:1
          command: [/bin/sh, -c, "@{script}"]
          securityContext: {allowPrivilegeEscalation: false}
"""


def stage_sync_failed(environment: Environment) -> None:
    """As in life: the labels that a Deployment selects by are made uniform, and those cannot be changed."""
    _push(environment, ("matchLabels: {app.kubernetes.io/name: feature-store}", "matchLabels: {app: feature-store}"))
    _wait_for(environment, "to fail", lambda _, __, phase: phase == "Failed")


def stage_hook_failed(environment: Environment) -> None:
    argocd.write(f"{environment.name}/check.yaml", _hook("PostSync", "echo the features are not there; exit 1"))
    _push(environment, ("price, quantity", "price, discount, quantity"))  # a hook alone is nothing to synchronise
    _wait_for(environment, "to fail", lambda _, __, phase: phase == "Failed")


def stage_degraded(environment: Environment) -> None:
    _push(environment, ("image: lab/pause:1", "image: lab.internal/feature-store:3"))
    _wait_for(environment, "to be Degraded", lambda _, health, __: health == "Degraded")


def stage_comparison_error(environment: Environment) -> None:
    """Somebody tidies up the repository; the Application still names the old path."""
    argocd.rename(environment.name, f"environments/{environment.name}")
    argocd.commit("Tidy up")
    argocd.refresh(argocd.name_in(environment), "hard")
    _wait_for(environment, "not to be compared", lambda sync, _, __: sync == "Unknown")


def clear_comparison_error(environment: Environment) -> None:
    argocd.rename(f"environments/{environment.name}", environment.name)
    clear_content(environment)


def stage_out_of_sync(environment: Environment) -> None:
    """A commit was deployed, selfHeal is off, and somebody scales by hand. A commit that was never tried would heal it."""
    _push(environment, ("price, quantity", "price, discount, quantity"))
    _wait_for(environment, "to have deployed the newest commit", lambda *_: _is_deployed(environment))
    _patch(environment, {"spec": {"syncPolicy": {"automated": {"selfHeal": False}}}})
    argocd.look_again(argocd.name_in(environment))  # else it may heal once more by the policy of before
    api.patch(_deployment(environment), {"spec": {"replicas": 2}})
    wait_for_rollout(_deployment(environment))
    argocd.look_again(argocd.name_in(environment))
    _wait_for(environment, "to be out of sync", lambda sync, _, __: sync == "OutOfSync")


def stage_sync_window(environment: Environment) -> None:
    """A freeze that nobody lifted: Git goes on, the cluster does not."""
    window = {"kind": "deny", "schedule": "* * * * *", "duration": "24h", "applications": [argocd.name_in(environment)]}
    _patch_project({"spec": {"syncWindows": [window]}})
    _push(environment, ("price, quantity", "price, discount, quantity"))
    _wait_for(environment, "to be out of sync", lambda sync, _, __: sync == "OutOfSync")


def clear_sync_window(environment: Environment) -> None:
    _patch_project({"spec": {"syncWindows": None}})
    clear_content(environment)


def stage_old_revision(environment: Environment) -> None:
    """The Deployment was paused once and never resumed: the next image arrives in it, and in no pod."""
    api.patch(_deployment(environment), {"spec": {"paused": True}})
    _push(environment, ("image: lab/pause:1", "image: lab/pause:2"))
    _wait_for(environment, "to be Synced at the newest commit", lambda sync, _, __: sync == "Synced" and _is_newest(environment))


def clear_old_revision(environment: Environment) -> None:
    """Resumed, as the finding says; then the image goes back."""
    api.patch(_deployment(environment), {"spec": {"paused": None}})
    clear_content(environment)


def stage_manual(environment: Environment) -> None:
    """A look-alike: without an automated policy a new commit waits for somebody by intent."""
    _patch(environment, {"spec": {"syncPolicy": {"automated": None}}})
    _push(environment, ("price, quantity", "price, discount, quantity"))
    _wait_for(environment, "to be out of sync", lambda sync, _, __: sync == "OutOfSync")


def stage_syncing(environment: Environment) -> None:
    """A look-alike: a hook of a healthy deployment takes its time."""
    argocd.write(f"{environment.name}/check.yaml", _hook("PreSync", "trap 'exit 0' TERM; sleep 300 & wait $!"))
    _push(environment, ("price, quantity", "price, discount, quantity"))
    _wait_for(environment, "to be under way", lambda _, __, phase: phase == "Running")


def clear_hook(environment: Environment) -> None:
    """A synchronisation that still waits for its hook is ended, as `argocd app terminate-op` does; the hook goes, too."""
    if argocd.state(argocd.name_in(environment))[2] == "Running":
        _patch(environment, {"status": {"operationState": {"phase": "Terminating"}}})
        _wait_for(environment, "to end its synchronisation", lambda _, __, phase: phase not in ("Running", "Terminating"))
    api.delete(f"/apis/batch/v1/namespaces/{argocd.namespace_of(environment)}/jobs/feature-store-check", grace_seconds=0)
    clear_content(environment)


def stage_suspended(environment: Environment) -> None:
    """A look-alike: a paused Deployment whose pods run what they should."""
    api.patch(_deployment(environment), {"spec": {"paused": True}})
    _wait_for(environment, "to be Suspended", lambda _, health, __: health == "Suspended")


def clear_content(environment: Environment) -> None:
    """Back to the commit that worked, and to the policy that synchronises it."""
    (argocd.REPOSITORY / environment.name / "check.yaml").unlink(missing_ok=True)
    argocd.write(f"{environment.name}/feature-store.yaml", render("feature-store"))
    argocd.commit(f"Back to what worked in {environment.name}")
    _patch(environment, {"spec": argocd.application_of(environment)["spec"]})
    argocd.refresh(argocd.name_in(environment), "hard")
    argocd.wait_for_healthy(argocd.name_in(environment))
    wait_for_rollout(_deployment(environment))


def _push(environment: Environment, *changes: tuple[str, str]) -> None:
    """Commit a change of the feature store, and tell Argo CD of it, as a webhook does."""
    text = render("feature-store")
    for old, new in changes:
        text = text.replace(old, new)
    argocd.write(f"{environment.name}/feature-store.yaml", text)
    argocd.commit(f"A change in {environment.name}")
    argocd.refresh(argocd.name_in(environment))


def _hook(when: str, script: str) -> str:
    return _HOOK.replace("@{when}", when).replace("@{script}", script)


def _wait_for(environment: Environment, what: str, is_wanted: Callable[[str, str, str], bool]) -> None:
    name = argocd.name_in(environment)
    wait_until(f"the Application {name} {what}", lambda: is_wanted(*argocd.state(name)), PATIENCE_SECONDS)


def _is_deployed(environment: Environment) -> bool:
    operation = _status(environment).get("operationState", {})  # not there for a moment when the next one begins
    return (operation.get("phase"), operation.get("syncResult", {}).get("revision")) == ("Succeeded", argocd.head())


def _is_newest(environment: Environment) -> bool:
    return bool(_status(environment).get("sync", {}).get("revision") == argocd.head())


def _status(environment: Environment) -> api.Object:
    found: api.Object = api.get(argocd.path_of(argocd.name_in(environment))).get("status", {})
    return found


def _deployment(environment: Environment) -> str:
    return f"/apis/apps/v1/namespaces/{argocd.namespace_of(environment)}/deployments/feature-store"


def _patch(environment: Environment, change: api.Object) -> None:
    api.patch(argocd.path_of(argocd.name_in(environment)), change)


def _patch_project(change: api.Object) -> None:
    api.patch(f"/apis/argoproj.io/v1alpha1/namespaces/{argocd.NAMESPACE}/appprojects/default", change)


def _stage(
    name: str, description: str, stage: Callable[[Environment], None], clear: Callable[[Environment], None] = clear_content
) -> Stage:
    return Stage(f"argocd-{name}", description, stage, clear, touches=("feature-store in {environment}",))


STAGES = (
    _stage("sync-failed", "a commit that the API server refuses: a Deployment's selector cannot change", stage_sync_failed),
    _stage("hook-failed", "a PostSync hook that fails: everything is Synced, and the deployment has failed", stage_hook_failed, clear_hook),
    _stage("degraded", "a commit whose image does not exist, while the old pod serves", stage_degraded),
    _stage(
        "comparison-error", "the path in Git is gone: Healthy, and compared with nothing", stage_comparison_error, clear_comparison_error
    ),
    _stage("out-of-sync", "a change by hand under an automated policy without selfHeal", stage_out_of_sync),
    _stage("sync-window", "a commit that a forgotten sync window keeps out", stage_sync_window, clear_sync_window),
    _stage("old-revision", "Synced, but the Deployment is paused and its pod runs the old image", stage_old_revision, clear_old_revision),
    _stage("manual", "a look-alike: a commit waits where there is no automated policy", stage_manual),
    _stage("syncing", "a look-alike: a synchronisation that is under way", stage_syncing, clear_hook),
    _stage("suspended", "a look-alike: a paused Deployment that runs what it should", stage_suspended, clear_old_revision),
)

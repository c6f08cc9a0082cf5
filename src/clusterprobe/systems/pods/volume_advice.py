"""How a container is let on its volume: who decides there about owners, and what to set for it.

A `chown -R` is printed only for a folder that is certainly this volume's own, for a user that is known, and where nobody else has it.
"""

from __future__ import annotations

from clusterprobe.fixes import SOURCE, change, look, shell, snippet
from clusterprobe.model import Step
from clusterprobe.patterns import ours
from clusterprobe.systems.pods.volume_uses import Neighbour, Use
from clusterprobe.words import listed

_EFS = "efs.csi.aws.com"
_ACCESS_POINT = ours(r"fsap-[0-9a-f]+")
# Drivers whose file systems have no owners of their own: the mount options say who owns the files.
_BY_MOUNT_OPTIONS = {"file.csi.azure.com", "smb.csi.k8s.io", "blob.csi.azure.com", "gcsfuse.csi.storage.gke.io", "s3.csi.aws.com"}
_MANAGED = {"filestore.csi.storage.gke.io", "file.csi.azure.com", "fsx.csi.aws.com", "blob.csi.azure.com", _EFS}


def give_access(refused: list[Use], others: list[Neighbour], shared_with: list[str], *, reachable: bool, all_known: bool) -> list[Step]:
    """The steps for one volume of one workload. `others` and `shared_with` are whose the folder is, too.

    `reachable` is whether a command can be run in the container, `all_known` whether every pod that might have the folder was read.
    """
    use = refused[0]
    first = [_listing(use)] if reachable else []
    driver, attributes = _driver(use)
    nfs = attributes.get("protocol", "").lower() == "nfs"
    in_tree = use.mount.bound is not None and use.mount.bound.spec.azure_file is not None
    if driver == _EFS:
        return [*first, *_of_access_point(use)]
    if in_tree or (driver in _BY_MOUNT_OPTIONS and not nfs):
        return [*first, _of_mount_options(use)]
    if use.effect.applied:
        return [*first, _of_group(use)]
    if driver in _MANAGED or (use.mount.folder and use.mount.folder.managed):
        return [*first, _of_service(use)]
    agreed = {one.user for one in others}
    if len(agreed) == 1 and (user := agreed.pop()) not in (None, 0, use.identity.user):
        return [*first, _like_the_others(use, others, user)]
    why = _why_not(use, others, shared_with, all_known=all_known)
    return [*first, *([_in_words(use, why)] if why else _give_folder(use))]


def _driver(use: Use) -> tuple[str, dict[str, str]]:
    """The CSI driver of the volume, and its attributes; empty where none mounts it."""
    csi = use.mount.bound.spec.csi if use.mount.bound else None
    if csi:
        return csi.driver, csi.volume_attributes or {}
    return (use.mount.volume.csi.driver if use.mount.volume.csi else ""), {}


def _listing(use: Use) -> Step:
    namespace, pod, container = use.place
    command = shell("kubectl -n {} exec {} -c {} -- ls -ldn {}", namespace, pod, container, use.mount.path)
    return look("See the owner, the group and the mode of the folder.", command)


def _who(use: Use) -> str:
    """The refused user, as far as it is known."""
    return f"uid {use.identity.user}" if use.identity.user is not None else "the image's own user"


def _override(use: Use) -> str:
    own = use.container.security_context
    wins = f" The container {use.container.name} has a runAsUser of its own, which wins over the pod's."
    return wins if own and own.run_as_user is not None else ""


# --- where somebody else decides --------------------------------------------------------------------------------------


def _of_access_point(use: Use) -> list[Step]:
    handle = use.mount.bound.spec.csi.volume_handle if use.mount.bound and use.mount.bound.spec.csi else ""
    named = _ACCESS_POINT.search(handle)
    if named is None:
        return [
            change(
                f"Mount EFS through an access point whose posixUser is {_who(use)}. The volume names none, and EFS has no host to log in "
                "to."
            )
        ]
    return [
        look("See the user of the access point, with the AWS CLI.", shell("aws efs describe-access-points --access-point-id {}", named[0])),
        change(
            f"Run the container as that user, without a chown at its start, {SOURCE}. The access point {named[0]} makes every file its "
            "user's, and permits no chown."
        ),
        change(
            "For another user, create another access point, or a StorageClass with `uid` and `gid` in its parameters. The posixUser of an "
            "access point cannot be changed."
        ),
    ]


def _of_mount_options(use: Use) -> Step:
    user, group = use.identity.user, use.identity.group if use.identity.group is not None else use.identity.file_system_group
    pairs = [f"{key}={value}" for key, value in (("uid", user), ("gid", group)) if value is not None]
    template = "mountOptions:" + "\n  - {}" * len(pairs)
    code = snippet(template, *pairs) if pairs else ""
    return change(
        f"Set the mount options uid= and gid= for {_who(use)}, in the PV or in a new StorageClass. On this kind of volume they say who "
        "owns the files, and no chown is permitted. They count at the next mount.",
        code=code,
    )


def _of_group(use: Use) -> Step:
    group = use.identity.file_system_group
    if group is not None:
        return change(
            f"Give the group {group} write access to what the log names. The kubelet gives the files of this volume to that group, but "
            "changes no file that its owner has closed to the group."
        )
    known = use.identity.group or use.identity.user
    code = snippet("securityContext:\n  fsGroup: {}", known) if known else ""
    return change(f"Set fsGroup in the pod's securityContext, {SOURCE}. The kubelet then gives the files to that group.", code=code)


def _of_service(use: Use) -> Step:
    return change(
        f"Run the container as the user that owns the folder, {SOURCE}. Or give the folder to {_who(use)} from a pod that runs as root and "
        "mounts the same PVC. The storage is a service without a host to log in to. "
        f"Its root squash, in the parameters of the StorageClass, may refuse that.{_override(use)}"
    )


# --- where the folder's owner decides ---------------------------------------------------------------------------------


def _like_the_others(use: Use, others: list[Neighbour], user: int) -> Step:
    groups = {one.group for one in others} - {None}
    code = snippet("securityContext:\n  runAsUser: {}", user)
    code += snippet("\n  runAsGroup: {}", groups.pop()) if len(groups) == 1 else ""
    names = listed(sorted({one.pod for one in others}), 3)
    return change(f"Run it as uid {user}, as the other pods on this folder ({names}), {SOURCE}.{_override(use)}", code=code)


def _why_not(use: Use, others: list[Neighbour], shared_with: list[str], *, all_known: bool) -> str:
    """Why no command is printed that changes the owner; empty where it is safe to print one."""
    folder, user = use.mount.folder, use.identity.user
    different = sorted({one.pod for one in others if one.user is None or one.user != user})
    if user == 0:
        return "It runs as root, which the server may map to the user nobody (root_squash)."
    if user is None:
        return "As which user the image runs is not known here."
    if folder is None or not folder.own:
        return "Which folder is this volume's own is not certain, and a share may hold the files of others."
    if different:
        return f"Other pods have the same folder, and run as another user: {listed(different, 3)}."
    if shared_with:
        return f"Other volumes are in the same folder: PersistentVolume {listed(shared_with, 3)}."
    return "" if all_known else "Not all pods could be read, and one of them may have the same folder."


def _in_words(use: Use, why: str) -> Step:
    target = "its user" if use.identity.user in (None, 0) else _who(use)
    return change(
        f"Run the container as the user that owns the folder, {SOURCE}. Or give {target} access to this volume's folder, and to nothing "
        f"beside it.{_override(use)} No command is printed: {why}"
    )


def _give_folder(use: Use) -> list[Step]:
    folder, who = use.mount.folder, use.identity
    if folder is None:
        return []
    owner = f"{who.user}:{who.group}" if who.group is not None else str(who.user)
    server = f"On the NFS server {folder.server}"
    return [
        look(f"{server}: see that this folder is the volume's, and who owns it.", shell("ls -ldn {}", folder.path)),
        change(
            f"{server}, as root: give the folder to {_who(use)}. This replaces the owners of all files in it, and cannot simply be undone.",
            shell("chown -R {} {}", owner, folder.path),
        ),
        change(f"Or leave the files as they are, and run the container as their owner, {SOURCE}.{_override(use)}"),
    ]

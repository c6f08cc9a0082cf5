"""Why a provisioner makes no volume, by what it says: a table of causes, and what to do about just each.

First what only one product says, since words such as "access denied" mean something else to each; then what all say. Messages are those
of the CSI drivers of clouds, Ceph, Longhorn, OpenEBS and vSphere, and of the provisioners of NFS and local paths.
"""

from __future__ import annotations

from typing import NamedTuple

from clusterprobe.patterns import Pattern, ours


class Refusal(NamedTuple):
    """Why a provisioner makes no volume, by what it says: `why` as a clause, and what to do about just that.

    `deployed`: what is to be changed is deployed in the cluster.
    """

    says: Pattern
    why: str
    helps: str
    deployed: bool = True


_AGAIN = "A class's parameters cannot be changed: it has to be made again, which leaves its volumes as they are."
_OF_PRODUCTS = (
    # --- Kubernetes, and what all drivers share
    Refusal(
        ours(r"is forbidden: User \\?\"?system:serviceaccount:"),
        "Kubernetes does not let the provisioner's own account do what it needs",
        "Give the provisioner's ServiceAccount the roles that its release brings, as the message names what it may not do.",
    ),
    Refusal(
        ours(r"(?i)selfLink was empty"),
        "the provisioner is too old for this Kubernetes, which knows no selfLink",
        "Replace it by nfs-subdir-external-provisioner 4.0 or newer, under the provisioner's name that the class has.",
    ),
    Refusal(
        ours(r'(?i)secrets? \\?"[^"]+" not found|(?:get|getting|find|fetch|read) (?:\S+ ){0,3}secrets?\b'),
        "the Secret with the driver's credentials is not there, or is not the one that its class names",
        "Create the Secret that the class names (csi.storage.k8s.io/provisioner-secret-name, -namespace), or correct these parameters. "
        + _AGAIN,
    ),
    Refusal(
        ours(r"(?i)operation with the given volume (?:id|key|name) \S+ already exists|operation is already in progress"),
        "the driver still waits for an earlier attempt at it, to which the storage has not answered",
        "Repair what the earlier attempt waits for: the storage's health, such as that of Ceph, and the network to it from the driver's "
        "controller. If both are well, restart that controller's pod.",
        deployed=False,
    ),
    Refusal(
        ours(r"(?i)RequestLimitExceeded|TooManyRequests|throttl|rate ?limit|rateLimitExceeded|HTTPStatusCode: 429"),
        "the cloud takes no more requests for now",
        "Wait, as it is tried again. If it stays, ask the cloud for a higher rate, or let fewer clusters and tools ask with this account.",
        deployed=False,
    ),
    # --- clouds
    Refusal(
        ours(r"(?i)kms\b.{0,200}(?:denied|not authorized|not ?found|disabled)|KMSKey\w+|kms:\w+|DiskEncryptionSet.{0,80}not found"),
        "the key that is to encrypt it cannot be used by the driver, or is not there",
        "Let the driver's identity use the key (in AWS kms:CreateGrant, kms:Decrypt, kms:GenerateDataKeyWithoutPlaintext), or correct it "
        "in the class. " + _AGAIN,
    ),
    Refusal(
        ours(r"UnauthorizedOperation|WebIdentity|IMDS|NoCredentialProviders|not authorized to perform: (?:ec2|elasticfilesystem|sts|fsx)"),
        "AWS refuses the driver's credentials, or it has none",
        "Give the ServiceAccount of the driver's controller a role (IRSA or Pod Identity) with AmazonEBSCSIDriverPolicy for EBS, "
        "AmazonEFSCSIDriverPolicy for EFS. Then restart the controller's pods.",
    ),
    Refusal(
        ours(r"AADSTS\d+|invalid_client|ClientSecretCredential|ManagedIdentityCredential"),
        "Azure refuses the credentials of the cluster's identity: a secret has expired, or the identity was removed",
        "Renew the secret of the cluster's service principal, or assign the managed identity to the nodes again.",
        deployed=False,
    ),
    Refusal(
        ours(r"AuthorizationFailed|does not have authorization to perform|LinkedAuthorizationFailed|AuthorizationPermissionMismatch"),
        "Azure does not let the cluster's identity do this",
        "Give the cluster's identity a role that may do what the message names, in the scope that it names, such as Contributor on the "
        "resource group of the disks, or Storage Account Contributor for files.",
        deployed=False,
    ),
    Refusal(
        ours(r"KeyBasedAuthenticationNotPermitted|Key based authentication is not permitted"),
        "the storage account does not let keys in, which the driver uses",
        "Let the storage account allow access by key, or name one that does in the class (storageAccount). " + _AGAIN,
    ),
    Refusal(
        ours(r"RequestDisallowedByPolicy|constraints/\S+ violated|violates constraint"),
        "a policy of the cloud forbids such a volume",
        "Ask for what the policy allows, by the parameters of the class (tags, encryption, region), or have it exempted.",
    ),
    Refusal(
        ours(r"(?i)compute\.disks\.\w+|PERMISSION_DENIED|insufficient (?:authentication scopes|permissions?)|insufficientPermissions"),
        "the cloud refuses the driver's credentials: its account lacks a permission",
        "Give the account of the driver's controller the permission that the message names (in Google Cloud roles/compute.storageAdmin).",
        deployed=False,
    ),
    Refusal(
        ours(
            r"(?i)ZONE_RESOURCE_POOL_EXHAUSTED|STOCKOUT|InsufficientVolumeCapacity|VolumeTypeNotAvailableInZone|SkuNotAvailable|"
            r"AvailabilityZoneNotSupported|InvalidZone|not (?:supported|available) in (?:\S+ ){0,3}(?:zone|region|location)"
        ),
        "the zone does not have this kind of volume, or has none left",
        "Ask for another type by another class, or let the pod run in another zone (allowedTopologies of the class).",
    ),
    Refusal(
        ours(r"FileSystemNotFound|(?i)file system (?:\S+ )?does not exist"),
        "the file system that its class names does not exist there",
        "Correct fileSystemId of the class, in the region of the cluster. " + _AGAIN,
    ),
    # --- vSphere
    Refusal(
        ours(r"(?i)cannot complete login|incorrect user name or password|NoPermission|permission to perform this operation was denied"),
        "vCenter refuses the driver's user, or that lacks a privilege",
        "Correct the user and password in the driver's Secret, or give that user the privileges of the driver's documentation.",
    ),
    Refusal(
        ours(r"(?i)(?:pbm|storage) (?:profile|policy)\b.{0,120}not (?:be )?found|no pbm profile"),
        "the storage policy that its class names is not known in vCenter",
        "Correct storagePolicyName of the class, or create that policy. " + _AGAIN,
    ),
    Refusal(
        ours(r"(?i)shared datastores?|compatible datastores?|datastore\b.{0,120}(?:not (?:accessible|found)|inaccessible)"),
        "no datastore fits that all nodes reach",
        "Let the hosts of all nodes mount the datastore, or correct the storage policy or datastoreurl of the class.",
    ),
    # --- Longhorn, OpenEBS
    Refusal(
        ours(r"(?i)precheck new replica failed|replica scheduling fail|replicas? .{0,60}anti-?affinity|disk candidates|tags? not fulfill"),
        "Longhorn finds no disk for one of its replicas: none has the room, the tags, or is on a node without one",
        "Add room or a node, delete volumes that are not needed, or correct numberOfReplicas, nodeSelector and diskSelector of the class. "
        + _AGAIN,
    ),
    Refusal(
        ours(r"(?i)suitable pools?|volgroup|volume group .{0,80}not found|zpool|no (?:cstor )?pools? (?:found|available)"),
        "no pool of the nodes fits it: there is none of that name, it is offline, or it is full",
        "Correct the pool that the class names, bring it back online, or add room to it.",
    ),
    # --- Ceph
    Refusal(
        ours(r"(?i)rados: ret=-(?:1|13)\b"),
        "Ceph refuses the user: its key is wrong, or its caps do not reach this pool",
        "Put the user's present key into the Secret that the class names, or give the user the caps that ceph-csi asks for.",
    ),
    Refusal(
        ours(r"(?i)monitor list using clusterID|missing configuration for cluster ID|clusterID \S+ (?:is )?not (?:found|set)"),
        "the driver has no monitors for the clusterID that its class names",
        "Put that clusterID with its monitors into the driver's configuration (ConfigMap ceph-csi-config), or correct it in the class. "
        + _AGAIN,
    ),
    Refusal(
        ours(
            r"(?i)pool\b.{0,80}(?:not found|does not exist)|rados: ret=-2\b|subvolume ?group\b.{0,80}(?:not found|does not exist)|"
            r"\bfs(?:Name)? .{0,60}not found"
        ),
        "the pool, file system or group of subvolumes that its class names does not exist in Ceph",
        "Create it, or correct pool, fsName or the clusterID's subvolumeGroup. " + _AGAIN,
    ),
    # --- NFS
    Refusal(
        ours(r"(?i)access denied by server while mounting|mount\.nfs4?: access denied"),
        "the NFS server does not export this to the node on which the provisioner runs",
        "Let the NFS server export the share to the addresses of all nodes, or correct server and share.",
        deployed=False,
    ),
    Refusal(
        ours(
            r"(?i)(?:create directory to provision|make subdirectory).{0,300}"
            r"(?:permission denied|operation not permitted|read-only file system)"
        ),
        "the NFS server does not let the provisioner write into the export: it is read-only, squashes root, or is another user's",
        "Let the export be writable (rw), and its folder be writable for the user that the server makes of the provisioner's.",
        deployed=False,
    ),
    Refusal(
        ours(r"(?i)reason given by server: no such file|mount\.nfs4?: .{0,200}no such file"),
        "the share does not exist on the NFS server",
        "Make that folder on the NFS server and export it, or correct share of the class. " + _AGAIN,
    ),
    # --- local paths
    Refusal(
        ours(r"(?i)no node was specified"),
        "its class asks for a volume before a pod has a node, which a local path cannot have",
        "Make the class again with volumeBindingMode: WaitForFirstConsumer. Its volumes stay as they are.",
    ),
    Refusal(
        ours(r"(?i)config doesn't contain node|no local path available|config doesn't contain path|DEFAULT_PATH_FOR_NON_LISTED_NODES"),
        "the provisioner's configuration names no path for that node",
        "Name the node, or DEFAULT_PATH_FOR_NON_LISTED_NODES, in nodePathMap of the provisioner's ConfigMap.",
    ),
    Refusal(
        ours(r"(?i)create process timeout"),
        "the pod that makes the folder on the node did not end in time: it was not started there, or its image is not pulled",
        "See the events of that pod (its name begins with helper-pod) in the provisioner's namespace, and repair what they name: image, "
        "taints of the node, or Pod Security, which has to allow hostPath there.",
    ),
    Refusal(
        ours(r"(?i)selector is not supported"),
        "the PVC has a spec.selector, and a volume that is made for it can have no labels to be selected by",
        "Take spec.selector out of the PVC. It has to be made again.",
    ),
)
_OF_ALL = (
    Refusal(
        ours(r"(?i)MULTI_NODE|access ?modes?\b"),
        "its driver does not make volumes with this access mode",
        "Ask for an access mode that the driver has, such as ReadWriteOnce, or for a class of shared storage. A PVC's mode cannot be "
        "changed: it has to be made again.",
    ),
    Refusal(
        ours(r"(?i)unauthori[sz]ed|not authori[sz]ed|access ?denied|forbidden|\b403\b.{0,80}permission|InvalidClientTokenId|credential"),
        "the storage refuses the driver's credentials",
        "Give the driver's controller the role or credentials that it needs: its ServiceAccount, its Secret, or the cloud's policy.",
    ),
    Refusal(
        ours(
            r"(?i)invalid (?:\S+ )?parameters?\b|InvalidParameter\w*|(?:unknown|unsupported|illegal) (?:storage ?class )?parameter|"
            r"parameter\b.{0,80}(?:invalid|unknown|not supported)|invalid (?:value|fsType|volume type|disk type)"
        ),
        "a parameter of its class is none that the driver takes, or has a value that it does not",
        "Correct in the class the parameter that the message names. " + _AGAIN,
    ),
    Refusal(
        ours(r"(?i)quota|ResourceExhausted|LimitExceeded|limit exceeded"),
        "a quota of the storage is used up",
        "Raise the quota at the storage or the cloud, delete volumes that are not needed, or ask for less.",
    ),
    Refusal(
        ours(r"(?i)data ?source|volumesnapshots?\b"),
        "what it is to be filled from does not exist, or is not ready",
        "Correct spec.dataSource of the PVC, or restore that snapshot or PVC.",
    ),
    Refusal(
        ours(r"(?i)topology|accessibility requirements"),
        "no node that fits has the driver",
        "Let the driver's DaemonSet run on the nodes that are to mount it, or correct allowedTopologies of the class.",
    ),
    Refusal(
        ours(r"(?i)no space|not enough|insufficient|out of capacity"),
        "the storage has no room for it",
        "Give the storage more room, or ask for less.",
    ),
    Refusal(
        ours(r"(?i)no such host|connection refused|timeout|timed out|deadline exceeded|no route to host|unavailable"),
        "the driver does not reach the storage, or not in time",
        "Repair the way from the driver's controller to the storage: its address, DNS, the network between them.",
    ),
)
REFUSALS = (*_OF_PRODUCTS, *_OF_ALL)

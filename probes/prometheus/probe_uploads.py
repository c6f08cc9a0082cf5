from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Severity, Subject
from clusterprobe.roles import Examined
from clusterprobe.systems.prometheus.uploads import Uploads
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import number

UPLOADS_FAIL = FindingKind(
    "UploadsFail",
    Severity.ERROR,
    "The Thanos sidecar of a Prometheus uploads no blocks, and its attempts fail.",
    settles=True,
)


@reports(UPLOADS_FAIL)
def probe_uploads(verdict: Verdict, thanos_uploads: Examined[Uploads], clock: Clock) -> None:
    """Does the Thanos sidecar of every Prometheus upload its blocks?

    Problem: Nothing is down, and the long past is lost as the local retention passes.
    Cause: The bucket refuses the credentials, or is not reached.
    Fix: Repair the credentials, the bucket's name or policy, or the way to it: what is still there is then uploaded.
    Prevention: Alert on ThanosSidecarBucketOperationsFailed, and on `thanos_objstore_bucket_last_successful_upload_time` that grows old.
    """
    for subject, uploads in thanos_uploads:
        _judge(verdict, subject, uploads, clock.now)


def _judge(verdict: Verdict, subject: Subject, one: Uploads, now: float) -> None:
    since = one.stalled_since(now)
    if since is None and one.failed and one.last is None and one.uploaded:
        verdict.unchecked(subject, f"its Thanos sidecar failed to upload {one.failed:.0f} times, and does not say when it last succeeded")
    if since is None:
        return
    verdict.report(
        UPLOADS_FAIL,
        subject,
        problem=f"The Thanos sidecar of {subject.namespace}/{subject.name} has uploaded no block for {ago(now - since)}: its attempts "
        f"failed, {number(round(one.failed), 'time')} since it began.",
        cause="Its bucket refuses it or is not reached: the sidecar's log says which. Blocks that are not uploaded when the retention of "
        "this Prometheus passes are lost.",
        fix=[
            look(
                "See what the bucket answers.",
                shell(
                    "kubectl -n {} logs {} -c {} --since=3h | grep -iE {}",
                    subject.namespace,
                    subject.name,
                    one.container,
                    "upload|bucket|err",
                ),
            ),
            change(
                "Repair what it names: the credentials or the name of the bucket in the Secret that thanos.objectStorageConfig of the "
                f"Prometheus names, the policy of the bucket, or the way to it. Change it {SOURCE}. What is still there is then uploaded."
            ),
        ],
    )

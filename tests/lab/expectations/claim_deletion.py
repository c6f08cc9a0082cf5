"""What the stages of lab/stages/claim_deletion.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "claims-delete-data": Expectation(
        {("storage/archive-on-delete", "DataDeletedWithClaim"): ["onDelete: delete", "archiveOnDelete: true", "nfs-client", "fastapi-logs"]}
    ),
    "claims-retain-data": Expectation(),
}

"""What the stages of lab/stages/jobs.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "job-failed": Expectation(warnings={("pods/jobs", "JobFailed"): ["fastapi-dev/schema-migration", "exit code 3"]}),
    "cron-job-fails": Expectation({("pods/jobs", "CronJobFails"): ["fastapi-dev/backup", "has never succeeded"]}),
}

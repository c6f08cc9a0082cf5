"""What the stages of lab/stages/pipeline.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "airflow-scheduler-down": Expectation(
        {
            ("airflow/health", "SchedulerUnhealthy"): [
                "Airflow airflow/airflow",
                "component=scheduler",
                "scale deployment/airflow-scheduler",
            ],
        }
    ),
    "airflow-scheduler-starting": Expectation(),
    "mlflow-one-host-allowed": Expectation(),
    "mlflow-database-down": Expectation(
        {
            ("mlflow/health", "BackendStoreDown"): ["/health", "sqlite at /mlflow/mlflow.db", "file is not a database"],
        }
    ),
    "mlflow-host-refused": Expectation(
        {
            ("mlflow/health", "HostRefused"): ["mlflow.mlflow.svc:5000", "not among its arguments", "mlflow.mlflow.svc:*"],
        }
    ),
}

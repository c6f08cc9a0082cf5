"""What the documents say is what the code does."""

import re
from pathlib import Path

import pytest
import yaml

from clusterprobe.catalogue import catalogue
from clusterprobe.profile import Profile, Thresholds

ROOT = Path(__file__).parents[2]


def example() -> dict:
    """The profile that docs/profiles.md shows."""
    text = (ROOT / "docs" / "profiles.md").read_text()
    return dict(yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1]))


def test_the_documented_profile_is_valid_and_names_every_key() -> None:
    shown = example()
    assert Profile.model_validate(shown)
    assert set(shown) == set(Profile.model_fields)
    assert set(shown["thresholds"]) == set(Thresholds.model_fields)


def test_the_documented_thresholds_are_the_defaults() -> None:
    assert Thresholds(**example()["thresholds"]) == Thresholds()


def test_the_readme_names_every_probe() -> None:
    text = (ROOT / "README.md").read_text()
    missing = [one.id for one in catalogue(ROOT / "probes") if one.id not in text and f"`{one.id.split('/')[1]}`" not in text]
    assert missing == []


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_readme_has_the_commands_that_ci_runs(number: int) -> None:
    assert f"<!-- command {number} -->\n```sh\n" in (ROOT / "README.md").read_text()

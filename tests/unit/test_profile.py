"""A profile's mistakes are named with file, line, key and the nearest right spelling."""

from pathlib import Path

import pytest

from clusterprobe.errors import ProfileError
from clusterprobe.profile import Profile, load_profile
from clusterprobe.shipped import shipped


def load(folder: Path, text: str, name: str = "mine.yaml") -> Profile:
    path = folder / name
    path.write_text(text)
    return load_profile(str(path), shipped("profiles"))


def refused(folder: Path, text: str) -> str:
    with pytest.raises(ProfileError) as caught:
        load(folder, text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fail_on: error\nthresolds: {}\n", "mine.yaml:2: thresolds: unknown key; did you mean thresholds?"),
        (
            "thresholds:\n  termination_second: 3\n",
            "mine.yaml:2: thresholds.termination_second: unknown key; did you mean termination_seconds?",
        ),
        ("environments:\n  dev:\n    namespace: [a]\n", "did you mean namespaces?"),
        ("endpoints:\n- system: prometheus\n  ulr: http://x\n", "mine.yaml:3: endpoints.0.ulr: unknown key; did you mean url?"),
        (
            "fail_on: eror\n",
            "mine.yaml:1: fail_on: expected one of info, warning, error, critical, never (did you mean error?), found 'eror'",
        ),
        ("timeout: soon\n", "mine.yaml:1: timeout: expected a duration such as 90s, 5m or 1h, found 'soon'"),
        ("thresholds:\n  agent_grace_seconds: -1\n", "mine.yaml:2: thresholds.agent_grace_seconds"),
        ("fail_on: error\nfail_on: never\n", "mine.yaml:2: fail_on: the key is there twice, first in line 1"),
        ("a: [1\n", "mine.yaml:2: not YAML"),
        ("- a\n", "mine.yaml:1: expected keys and values, found a list"),
        ("endpoints:\n- system: loki\n  url: http://user:secret@host\n", "without credentials in it"),
        ("extends: defualt\n", "mine.yaml:1: extends: there is no profile defualt: did you mean default?"),
        ("endpoints:\n- system: loki\n  url: http://x\n  basic: {username: a}\n", "exactly one of password_env and password_file"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    assert len(refused(tmp_path, "fail: 1\ntimeuot: 2\n").splitlines()) == 2


def test_a_missing_profile_names_the_nearest() -> None:
    with pytest.raises(ProfileError, match="did you mean nightly"):
        load_profile("nighly", shipped("profiles"))


def test_what_extends_another_changes_only_its_own_keys(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("timeout: 9m\nthresholds:\n  agent_grace_seconds: 7\n")
    mine = load(tmp_path, "extends: base.yaml\nthresholds:\n  termination_seconds: 5\n")
    assert (mine.timeout, mine.thresholds.agent_grace_seconds, mine.thresholds.termination_seconds) == ("9m", 7, 5)


def test_a_mistake_in_the_base_is_named_there(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("timeout: 9\n")
    assert "base.yaml:1: timeout" in refused(tmp_path, "extends: base.yaml\nfail_on: error\n")


def test_profiles_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("extends: mine.yaml\n")
    assert "circle" in refused(tmp_path, "extends: other.yaml\n")


@pytest.mark.parametrize("name", ["default", "dev", "prod", "smoke", "post-deploy", "nightly"])
def test_the_shipped_profiles_are_valid(name: str) -> None:
    assert isinstance(load_profile(name, shipped("profiles")), Profile)


def test_an_empty_profile_is_the_default(tmp_path: Path) -> None:
    assert load(tmp_path, "# nothing\n") == Profile()


def test_it_tells_where_it_names_a_probe(tmp_path: Path) -> None:
    text = "known:\n- {probe: storage, why: it is so}\nprobes:\n  select:\n  - loki\n  skip: ['*/missing']\n"
    file = tmp_path / "mine.yaml"
    assert list(load(tmp_path, text).named_probes()) == [
        (f"{file}:5: probes.select.0", "loki"),
        (f"{file}:6: probes.skip.0", "*/missing"),
        (f"{file}:2: known.0.probe", "storage"),
    ]


@pytest.mark.parametrize(
    ("pattern", "wanted"), [("prometheus/*", True), ("prometheus", True), ("prometheus/targets", True), ("loki/*", False), ("loki", False)]
)
def test_probes_are_selected_by_pattern(tmp_path: Path, pattern: str, wanted: bool) -> None:
    assert load(tmp_path, f"probes:\n  select: ['{pattern}']\n").wants("prometheus/targets") is wanted

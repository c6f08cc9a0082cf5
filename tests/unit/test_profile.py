"""A profile's mistakes are named with file, line, key and the nearest right spelling."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from clusterprobe.errors import ProfileError
from clusterprobe.old_keys import THRESHOLDS
from clusterprobe.profile import Profile, load_profile
from clusterprobe.shipped import shipped
from clusterprobe.thresholds import Thresholds, documented


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
            "mine.yaml:2: thresholds.termination_second: unknown key; did you mean termination.seconds?",
        ),
        ("environments:\n  dev:\n    namespace: [a]\n", "did you mean namespaces?"),
        ("not_judged: [victoriametric]\n", "mine.yaml:1: not_judged.0.system: did you mean victoriametrics?, found 'victoriametric'"),
        ("not_judged:\n- {system: vector, untill: 2027-06-30}\n", "mine.yaml:2: not_judged.0.untill: unknown key; did you mean until?"),
        ("not_judged:\n- {system: vector, until: soon}\n", "not_judged.0.until: expected a day such as 2027-06-30, found 'soon'"),
        ("systems:\n  promtheus: {images: [x]}\n", "mine.yaml:2: systems.promtheus: unknown key; did you mean prometheus?"),
        ("systems:\n  loki: {}\n", "mine.yaml:2: systems.loki: images or labels are needed"),
        (
            "storage_drivers:\n  csi.example.com: blok\n",
            "mine.yaml:2: storage_drivers.csi.example.com: expected one of local, block, nfs, shared, object, ephemeral (did you mean block?)",
        ),
        ("expect:\n  lokki: [logging]\n", "mine.yaml:2: expect.lokki: unknown key; did you mean loki?"),
        (
            "expect:\n  vault: [x]\n",
            "mine.yaml:2: expect.vault: unknown key; known here: airflow, alertmanager, grafana, loki, mlflow, prometheus",
        ),
        (
            "endpoints:\n- url: http://x\n  system: lokki\n",
            "endpoints.0.system: expected one of prometheus, alertmanager, loki, grafana, airflow, mlflow (did you mean loki?), found 'lokki'",
        ),
        ("endpoints:\n- system: prometheus\n  ulr: http://x\n", "mine.yaml:3: endpoints.0.ulr: unknown key; did you mean url?"),
        (
            "fail_on: eror\n",
            "mine.yaml:1: fail_on: expected one of info, warning, error, critical, never (did you mean error?), found 'eror'",
        ),
        ("timeout: soon\n", "mine.yaml:1: timeout: expected a duration such as 90s, 5m or 1h, found 'soon'"),
        ("thresholds:\n  agent_grace_seconds: -1\n", "mine.yaml:2: thresholds.log_agents.grace_seconds"),
        ("fail_on: error\nfail_on: never\n", "mine.yaml:2: fail_on: duplicate key (first on line 1)"),
        ("a: [1\n", "mine.yaml:2: not YAML"),
        ("- a\n", "mine.yaml:1: expected keys and values, found a list"),
        ("endpoints:\n- system: loki\n  url: http://user:secret@host\n", "without credentials in it"),
        ("extends: defualt\n", "mine.yaml:1: extends: unknown profile 'defualt': did you mean default?"),
        ("endpoints:\n- system: loki\n  namespace: logs\n", "url is needed; without it only a tenant can be named"),
        ("endpoints:\n- {system: loki, namespace: logs, tenant: a, bearer_token_env: T}\n", "and no credentials"),
        ("endpoints:\n- {system: grafana, namespace: logs, tenant: a}\n", "url is needed"),
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
    assert (mine.timeout, mine.thresholds.log_agents.grace_seconds, mine.thresholds.termination.seconds) == ("9m", 7, 5)


def test_a_mistake_in_the_base_is_named_there(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("timeout: 9\n")
    assert "base.yaml:1: timeout" in refused(tmp_path, "extends: base.yaml\nfail_on: error\n")


def test_profiles_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("extends: mine.yaml\n")
    assert "circle" in refused(tmp_path, "extends: other.yaml\n")


@pytest.mark.parametrize("name", ["default", "dev", "prod", "smoke", "post-deploy", "nightly"])
def test_the_shipped_profiles_are_valid(name: str) -> None:
    assert isinstance(load_profile(name, shipped("profiles")), Profile)


@pytest.mark.parametrize("path", sorted(shipped("profiles").glob("*.yaml")), ids=lambda one: one.stem)
def test_the_shipped_profiles_name_nothing_of_any_one_platform(path: Path) -> None:
    profile = load_profile(str(path), shipped("profiles"))
    names = [
        profile.named_namespaces,
        profile.endpoints,
        profile.systems,
        profile.secrets,
        profile.deployments,
        profile.known,
        profile.not_judged,
    ]
    assert [one for one in names if one] == []
    assert not any(one in path.read_text() for one in ("monitoring-", "-dev", "-prod"))


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


# --- hostile text ------------------------------------------------------------------------------------------------------

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]\n" for before, one in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = "a: &a {x: 1}\n" + "".join(
    f"{one}: &{one} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n" for before, one in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "billion laughs": (LAUGHS, r":\d: more than 20000 values"),
    "billion laughs by merge keys": (MERGED, r":\d: more than 20000 values"),
    "an alias within itself": ("expect: &a\n  loki: [*a]\n", ":2: .a stands within what it stands for"),
    "an alias of nothing": ("expect: *a\n", ":1: not YAML: found undefined alias"),
    "deep lists": ("known: " + "[" * 10_000, ":1: nested more than 32 deep"),
    "deep blocks": ("".join(f"{' ' * one}a:\n" for one in range(400)), r":3\d: nested more than 32 deep"),
    "an object": ("fail_on: !!python/object/apply:os.system [id]\n", ":1: not YAML: could not determine a constructor"),
    "a tag of its own": ("fail_on: !mine x\n", ":1: not YAML: could not determine a constructor"),
    "no binary": ("fail_on: !!binary ä\n", ":1: not YAML: "),
    "no number": ("\nthresholds: {oom_minutes: !!float x}\n", ":2: not YAML: this is not a float"),
    "no truth": ("fail_on: !!bool x\n", ":1: not YAML: this is not a bool"),
    "no time": ("fail_on: !!timestamp x\n", ":1: not YAML: this is not a timestamp"),
    "no such day": ("fail_on: 2026-02-30\n", ":1: not YAML: this is not a timestamp"),
    "a day as a key": ("2026-02-03: x\n", ':1: a key in the profile is not text; write "2026-02-03" in quotes'),
    "a truth as a key": ("environments:\n  on: {namespaces: [x]}\n", ':2: a key in environments is not text; write "on" in quotes'),
    "a binary key": ("!!binary aGk=: x\n", ":1: a key in the profile is not text"),
    "a list as a key": ("? [a]\n: x\n", ":1: a key in the profile is not text"),
    "5,000 digits": ("thresholds:\n  oom_minutes: " + "9" * 5000 + "\n", ":2: not YAML: a number of more than 40 digits"),
    "5,000 hexadecimal digits": ("timeout: 0x" + "f" * 5000 + "\n", ":1: not YAML: a number of more than 40 digits"),
    "40 digits": ("thresholds:\n  agent_grace_seconds: " + "9" * 40 + "\n", ":2: thresholds.log_agents.grace_seconds: "),
    "an endless number": ("thresholds:\n  oom_minutes: .inf\n", ":2: thresholds.pods.oom_minutes: "),
    "a duration of 5,000 digits": ("timeout: " + "9" * 5000 + "h\n", ":1: timeout: .{20,300}$"),
    "no time to run": ("timeout: 0s\n", ":1: timeout: invalid time to wait '0s'"),
    "a NUL": ("fail_on: error\nx: \0\n", r":2: not YAML: the character U.0000 is not allowed"),
    "two documents": ("a: 1\n---\nb: 2\n", ":2: not YAML: but found another document"),
    "too long": ("# " + "x" * 300_000, ": larger than 0.25 MiB"),
    "extends a name of 300 characters": (f"extends: {'a' * 300}\n", ":1: extends: unknown profile"),
    "extends a path of 300 characters": (f"extends: {'a' * 300}.yaml\n", ":1: extends: "),
    "extends a NUL": ('extends: "a\\0.yaml"\n', ":1: extends: "),
    "extends a list": ("extends: [a]\n", ":1: extends: expected the name of a profile"),
    "a long value": (f"fail_on: {'x' * 50_000}\n", ":1: fail_on: .{20,300}$"),
}


@pytest.mark.parametrize(("text", "said"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_refused_in_one_sentence_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    found = refused(tmp_path, text)
    assert re.search(rf"mine\.yaml{said}", found), found[:500]
    assert "\n" not in found


def test_of_very_many_mistakes_some_are_shown(tmp_path: Path) -> None:
    found = refused(tmp_path, "".join(f"key{one}: 1\n" for one in range(1000))).splitlines()
    assert (len(found), found[-1]) == (21, "and 980 more mistakes")


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda file: file.symlink_to("/dev/zero"), lambda file: file.symlink_to(file)])
def test_a_profile_that_is_no_file_is_refused_at_once(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path / "odd.yaml")
    with pytest.raises(ProfileError, match=r"odd\.yaml: (not a regular file|Is a directory|Too many levels)"):
        load_profile(str(tmp_path / "odd.yaml"), shipped("profiles"))


def test_a_name_that_no_file_can_have_is_no_profile() -> None:
    with pytest.raises(ProfileError, match="unknown profile"):
        load_profile("a" * 300, shipped("profiles"))


def test_a_chain_of_profiles_has_an_end(tmp_path: Path) -> None:
    for one in range(30):
        (tmp_path / f"{one}.yaml").write_text(f"extends: {one + 1}.yaml\n")
    with pytest.raises(ProfileError, match="more than 20 profiles extend each other"):
        load_profile(str(tmp_path / "0.yaml"), shipped("profiles"))


def test_anchors_and_merge_keys_are_fine(tmp_path: Path) -> None:
    text = "environments:\n  dev: &it {namespaces: ['*-dev']}\n  test: *it\nthresholds: {<<: {oom_minutes: 7}}\n"
    mine = load(tmp_path, text)
    assert (mine.environments["test"].namespaces, mine.thresholds.pods.oom_minutes) == (["*-dev"], 7)


def test_a_folder_of_the_name_of_a_shipped_profile_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "prod").mkdir()
    assert load(tmp_path, "extends: prod\n").fail_on == "warning"


# --- keys that there were before ---------------------------------------------------------------------------------------


def test_every_key_of_before_is_one_of_now() -> None:
    now = {(group, key) for group, _, rows in documented() for key, _, _ in rows}
    assert (set(THRESHOLDS.values()) - now, len(set(THRESHOLDS.values())), len(THRESHOLDS)) == (set(), 44, 44)
    assert not set(THRESHOLDS) & set(Thresholds.model_fields)


def test_a_key_of_before_is_taken_with_a_note_that_says_how_it_is_written_now(tmp_path: Path) -> None:
    mine = load(tmp_path, "thresholds:\n  oom_minutes: 7\n  loki: {query_days: 3}\n  loki_query_seconds: 4\n")
    assert (mine.thresholds.pods.oom_minutes, mine.thresholds.loki.query_days, mine.thresholds.loki.query_seconds) == (7, 3, 4)
    assert [one.removeprefix(str(tmp_path) + "/") for one in mine.notes] == [
        "mine.yaml:2: thresholds.oom_minutes is now written thresholds.pods.oom_minutes",
        "mine.yaml:4: thresholds.loki_query_seconds is now written thresholds.loki.query_seconds",
    ]


def test_a_profile_that_is_written_as_now_has_no_notes(tmp_path: Path) -> None:
    assert load(tmp_path, "thresholds: {pods: {oom_minutes: 7}}\n").notes == []


def test_keys_of_before_and_of_now_are_one_in_what_extends_another(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("thresholds: {pods: {oom_minutes: 7, startup_minutes: 3}, canary_min_requests: 30}\n")
    mine = load(tmp_path, "extends: base.yaml\nthresholds: {oom_minutes: 9, canary: {min_requests: 40}}\n")
    pods = mine.thresholds.pods
    assert (pods.oom_minutes, pods.startup_minutes, mine.thresholds.canary.min_requests) == (9, 3, 40)
    assert len(mine.notes) == 2


def test_a_key_that_is_there_both_ways_is_refused(tmp_path: Path) -> None:
    text = "thresholds:\n  pods: {oom_minutes: 7}\n  oom_minutes: 8\n"
    assert "mine.yaml:3: thresholds.oom_minutes: the key is there twice, the other time as thresholds.pods.oom_minutes" in refused(
        tmp_path, text
    )


@pytest.mark.parametrize("text", ["thresholds: [1]\n", "thresholds: {pods: 5, oom_minutes: 8}\n", "thresholds: {oom_minutes: {a: 1}}\n"])
def test_what_is_no_group_is_refused_as_ever(tmp_path: Path, text: str) -> None:
    assert "mine.yaml:1: thresholds" in refused(tmp_path, text)

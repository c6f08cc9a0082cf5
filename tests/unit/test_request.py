"""A request is declared once: pytest's options and the command line's are made of its fields."""

import inspect
from dataclasses import fields

import pytest

from clusterprobe import cli
from clusterprobe.errors import UsageError
from clusterprobe.request import Request, options


def commands() -> dict[str, set[str]]:
    return {one.callback.__name__: set(inspect.signature(one.callback).parameters) for one in cli.app.registered_commands if one.callback}


def test_every_field_is_an_option_with_a_sentence_of_help() -> None:
    assert [one.name for one in options()] == [one.name for one in fields(Request)]
    assert [one.name for one in options() if not one.help.rstrip(")").endswith((".", "profile's", ">"))] == []


def test_every_field_is_offered_by_a_command_or_set_by_one() -> None:
    assert {one.name for one in options()} - set().union(*commands().values()) == {"capture"}  # its argument FILE


def test_no_command_takes_a_request_as_an_option() -> None:
    assert [name for name, parameters in commands().items() if "request" in parameters] == []


def test_an_option_is_given_with_dashes() -> None:
    assert [one.flag for one in options() if one.name == "fail_on"] == ["fail-on"]


def test_commas_separate_what_is_selected() -> None:
    assert Request.of({"select": ["loki, pods/termination", "argocd"]}).select == ("loki", "pods/termination", "argocd")


def test_a_level_may_be_written_in_capitals() -> None:
    assert Request.of({"fail_on": "ERROR"}).fail_on == "error"


@pytest.mark.parametrize("given", [{"fail_on": "eror"}, {"select": ["loki,"]}, {"select": [""]}])
def test_what_cannot_be_asked_for_is_refused(given: dict) -> None:
    with pytest.raises(UsageError):
        Request.of(given)


def test_what_is_not_given_is_the_usual() -> None:
    assert Request.of({"select": None}) == Request()

import pytest

from clusterprobe.model import Placed
from clusterprobe.report.environments import NONE, summary, table
from clusterprobe.request import Request
from clusterprobe.shipped import shipped
from clusterprobe.survey import survey

LABELLED = Placed(namespace="shop-dev", environment="dev", by="its label env=dev")
NAMED = Placed(namespace="cart-dev", environment="dev", by="the word dev in its name")
DIFFERING = Placed(namespace="shop-blue", environment="blue", by="its name's part blue: a-blue and a-green differ as b-blue and b-green do")
SHARED = Placed(namespace="logging", environment="", by="its label env=platform")


@pytest.mark.parametrize(
    ("placed", "said"),
    [
        ([], NONE),
        ([SHARED], NONE),
        ([LABELLED, SHARED], "dev (1 namespace), from labels"),
        ([LABELLED, NAMED], "dev (2 namespaces), from labels and words in the names"),
        ([DIFFERING, NAMED], "blue (1 namespace), dev (1 namespace), from the pattern of the names and words in the names"),
        ([Placed(namespace="x", environment="e", by="the profile")], "e (1 namespace), from the profile"),
    ],
)
def test_a_line_says_which_environments_there_are_and_from_what(placed: list[Placed], said: str) -> None:
    assert summary(placed) == said


def test_each_namespace_is_listed_with_what_says_so_and_shared_ones_as_such() -> None:
    assert table([LABELLED, SHARED]).rows == [
        ["dev", "shop-dev", "its label env=dev"],
        ["(shared)", "logging", "its label env=platform"],
    ]


def test_text_of_the_cluster_stays_text() -> None:
    odd = Placed(namespace="shop", environment="a\u202eb", by="its label env=a\u202eb")
    assert "\u202e" not in summary([odd]) + str(table([odd]).rows)


def test_the_command_lists_them_without_any_probe() -> None:
    lines, status = survey(Request(bundle=str(shipped("demo") / "demo.zip")))
    assert (lines[0], status) == ("Environments: dev (3 namespaces), prod (3 namespaces), from labels.", 0)
    assert [one.split()[:2] for one in lines[1:3]] == [["dev", "fastapi-dev"], ["dev", "features-dev"]]

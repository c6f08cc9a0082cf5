import pytest

from clusterprobe.systems.formats.promql import metrics_in, namespaces_in


@pytest.mark.parametrize(
    ("query", "metrics"),
    [
        ("vector(1)", set()),
        ("up == 0", {"up"}),
        ('sum by (pod) (rate(a_total{le="b", c!~"d|e"}[5m])) / 100 > 1e3', {"a_total"}),
        ("sum(rate(a_total[5m])) by (pod) > bool 2", {"a_total"}),
        ("a * on (node, pod) group_left (owner) b", {"a", "b"}),
        ("a unless ignoring (x) b or c and d", {"a", "b", "c", "d"}),
        ("max_over_time(a:b:rate5m[1h:5m] offset 1d)", {"a:b:rate5m"}),
        ('absent(up{job="x"} == 1) or (absent_over_time(b[5m]) and c)', {"c"}),
        ("histogram_quantile(0.9, sum by (le) (rate(a_bucket[5m])))", {"a_bucket"}),
        ('label_replace(a, "dst", "$1", "src", "b(.*)")', {"a"}),
        ('label_replace(a, \'it\\\'s (x\', `b{`, "c", "d")', {"a"}),
        ("a > +Inf or b == NaN or c @ end() or d @ start()", {"a", "b", "c", "d"}),
        ("# a comment about x\na", {"a"}),
        ("SUM BY (x) (a)", {"a"}),
        ('{__name__="a"} > 1', set()),
        ("a{", {"a"}),
        ("", set()),
    ],
)
def test_the_metrics_of_an_expression_are_its_names(query: str, metrics: set[str]) -> None:
    assert metrics_in(query) == metrics


@pytest.mark.parametrize(
    ("query", "namespaces"),
    [
        ("vector(1)", [""]),
        ("time() > 1", [""]),
        ("up == 0", None),
        ('up{namespace="shop"} == 0', ["shop"]),
        ("up{job='x', namespace='shop'} == 0", ["shop"]),
        ('{__name__="up", namespace="shop"}', ["shop"]),
        ('{"metric.name", "namespace"="shop"}', ["shop"]),
        ('up{namespace=~"shop"}', None),
        ('up{namespace!="shop"}', None),
        ('up{namespace="a\\"b"}', None),
        ('up{exported_namespace="shop"}', None),
        ('up{job="namespace", x="y"}', None),
        ('up{namespace="a"} or up{namespace="b"}', ["a", "b"]),
        ('up{namespace="a"} and up', None),
        ('rate(a_total{namespace="a"}[5m] offset 1h) > 0', ["a"]),
        ('sum by (pod) (a{namespace="a"})', ["", "a"]),
        ('a{namespace="a"} * on (pod) group_left (x) b{namespace="a"}', ["", "a"]),
        ('absent(up{job="x"})', [""]),
        ('absent(up{namespace="a"}) or b{namespace="c"}', ["", "a", "c"]),
        ('label_replace(a{namespace="a"}, "namespace", "b", "", "")', None),
        ("x" * 100_001, None),
        ("absent == absent", None),
    ],
)
def test_the_namespaces_of_what_an_expression_answers_with(query: str, namespaces: list[str] | None) -> None:
    assert namespaces_in(query) == namespaces

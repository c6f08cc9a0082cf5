"""What a browser makes of index.html."""

import msgspec
import pytest

from clusterprobe.fingerprints import fingerprints
from clusterprobe.model import RunResult, Text
from tests.browser.payloads import PAYLOADS
from tests.plugin.demo_findings import result_of
from tests.report_factories import (
    ALERTMANAGER,
    DEFAULT_CONFIG,
    every_text,
    finding,
    healthy,
    hostile,
    incomplete,
    matrix,
    placement,
    probe,
    result,
    termination,
    two_thousand,
    unchecked,
    unwell,
)

MANY = [healthy, unwell, incomplete, result]

# The contrast of every visible text with what is behind it, by the formula of WCAG 2; gives those below the ratio for AA.
LOW_CONTRAST = """() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const back = channels(getComputedStyle(one).backgroundColor);
      if (back.length < 4 || back[3] > 0) return back;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.querySelectorAll('body *:not(svg *)')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const [a, b] = [light(channels(style.color)), light(behind(element))].sort((x, y) => y - x);
    const needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    if ((a + .05) / (b + .05) < needed) low.push(`${element.className || element.tagName}: ${((a + .05) / (b + .05)).toFixed(2)}`);
  }
  return [...new Set(low)];
}"""


OPEN = "for (const one of document.querySelectorAll('details')) one.open = true"


# The hops of the alert path whose texts reach over their boxes.
OUTSIDE = """() => [...document.querySelectorAll('.path')].filter(one => one.checkVisibility()).flatMap(one => [...one.querySelectorAll('g')])
  .filter(one => [...one.querySelectorAll('text')].some(text => text.getBoundingClientRect().right > one.querySelector('rect').getBoundingClientRect().right))
  .map(one => one.textContent)"""


def anchor_of(probe_id):
    """The link to the first finding of a probe of `unwell`."""
    return f"#f-{fingerprints(unwell())[probe_id, 0]}"


def test_there_are_enough_payloads():
    assert len(set(PAYLOADS)) >= 200


SEEN = """() => ({
  planted: window.planted ?? null,
  handlers: [...document.querySelectorAll('*')].flatMap(one => [...one.attributes].map(each => each.name)).filter(name => name.startsWith('on')),
  elements: [...new Set([...document.querySelectorAll('*')].map(one => one.tagName))],
})"""
OF_PROSE = {"UL", "LI", "PRE", "CODE", "SPAN"}  # what dashes, dollars and backticks may become


@pytest.mark.parametrize("start", range(0, len(PAYLOADS), 50))
def test_no_payload_runs_a_script_asks_for_anything_or_sets_anything(open_report, reopen, start):
    page = open_report(hostile("x"))
    known = OF_PROSE | set(page.evaluate(SEEN)["elements"])
    for payload in PAYLOADS[start : start + 50]:
        reopen(page, hostile(payload))
        page.mouse.move(200, 200)
        page.keyboard.press("Tab")
        seen = page.evaluate(SEEN)
        assert (seen["planted"], seen["handlers"], set(seen["elements"]) - known) == (None, [], set()), payload
        assert ([one for one in page.requests if not one.startswith("file:")], page.said) == ([], []), payload


def test_all_payloads_at_once_leave_the_page_in_one_piece(open_report, reopen):
    page = open_report(hostile("x"))
    sections = page.locator("main > section").count()
    reopen(page, hostile("\n".join(PAYLOADS)))
    assert page.evaluate("window.planted") is None
    assert page.locator("footer").count() == 1
    assert page.locator("main > section").count() == sections


def test_the_browser_itself_would_refuse_a_script(open_report):
    page = open_report(healthy())
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.planted = 1'}))")
    assert page.evaluate("window.planted") is None
    assert "Content Security Policy" in page.said[0]


@pytest.mark.parametrize("make", MANY)
@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_reaches_over_the_edge(open_report, make, width):
    page = open_report(make(), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_long_names_do_not_reach_over_the_edge(open_report):
    page = open_report(hostile("very-long-name-without-a-blank" * 12), width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def crowded(word):
    """Each kind of exhibit, notes, what is known and what was not read, in a probe with findings and in one without."""
    shown = [Text(title=word, text=word), matrix(3), termination(hanging=True), placement(nfs=True)]
    more = {"notes": [word], "unchecked": [unchecked()], "known": [finding()], "exhibits": shown, "reason": word}
    one = result(probe("loki/ready", "inconclusive", **more), probe("pods/termination", "findings", findings=[finding()], **more))
    return msgspec.convert(every_text(msgspec.to_builtins(one), word), RunResult)


@pytest.mark.parametrize("width", [320, 390, 1440])
def test_a_word_of_10000_letters_in_any_field_does_not_widen_the_page(open_report, reopen, width):
    page = open_report(healthy(), width=width)
    for word in ("w" * 10_000, f"`{'w' * 10_000}`"):
        reopen(page, crowded(word))
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


@pytest.mark.parametrize("make", MANY)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(open_report, make, scheme):
    page = open_report(make(), scheme=scheme)
    page.evaluate(OPEN)
    assert page.evaluate(LOW_CONTRAST) == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("make", MANY)
def test_axe_finds_nothing(open_report, violations, make, width, scheme):
    assert violations(open_report(make(), width=width, scheme=scheme)) == []


def test_axe_finds_nothing_in_the_demo(open_report, violations, tmp_path):
    assert violations(open_report(result_of(tmp_path))) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_printed_has_enough_contrast_on_paper(open_report, scheme):
    page = open_report(unwell(), scheme=scheme)
    page.emulate_media(media="print", color_scheme=scheme)
    assert page.evaluate(LOW_CONTRAST) == []


def test_the_page_has_one_main_heading_landmarks_and_a_language(open_report):
    page = open_report(unwell())
    for role in ("banner", "navigation", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1, role
    assert page.get_by_role("heading", level=1).all_inner_texts() == ["Not healthy"]
    assert page.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("width", [360, 1280])
def test_tables_stay_tables_with_headers(open_report, width):
    page = open_report(unwell(), width=width)
    page.evaluate(OPEN)
    tables = page.get_by_role("table")
    assert tables.count() >= 6
    for index in range(tables.count()):
        table = tables.nth(index)
        assert table.get_by_role("columnheader").count() >= 1
        assert table.get_by_role("rowheader").count() >= 1


def test_pictures_have_a_text_instead(open_report):
    label = open_report(unwell()).get_by_role("img").get_attribute("aria-label")
    assert "Airflow: not checked in this run" in label
    assert "Alertmanager: 1 found" in label


@pytest.mark.parametrize("width", [360, 1280])
def test_the_labels_of_the_alert_path_fit_into_their_boxes(open_report, width):
    page = open_report(unwell(), width=width)
    assert page.evaluate(OUTSIDE) == []


def test_the_answer_is_in_sight_on_a_phone(open_report):
    page = open_report(unwell(), width=360)
    assert page.get_by_role("heading", level=1).bounding_box()["y"] < 400


def test_the_page_works_without_scripts(open_report):
    page = open_report(unwell(), scripts=False)
    anchor = anchor_of("alertmanager/default-config")
    assert not page.locator(anchor).is_visible()
    page.get_by_role("link", name="Alertmanager monitoring-prod/main runs the Operator's fallback").first.click()
    assert page.url.endswith(anchor)
    assert page.locator(anchor).is_visible()


def test_the_first_key_leads_past_the_head(open_report):
    page = open_report(unwell())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the findings"


def test_a_command_is_selected_by_one_click_without_its_prompt(open_report):
    page = open_report(unwell())
    page.evaluate(OPEN)
    page.locator(f"{anchor_of('alertmanager/default-config')} .command code").first.click()
    assert (
        page.evaluate("getSelection().toString()")
        == "kubectl -n monitoring-prod get secret alertmanager-slack -o jsonpath='{.data}' | jq keys"
    )


def test_a_remark_is_shut_until_somebody_follows_a_link_to_it(open_report):
    page = open_report(incomplete())
    assert not page.locator(".fold article").first.is_visible()
    page.goto(f"{page.url.partition('#')[0]}#{page.locator('.fold article').first.get_attribute('id')}")
    assert page.locator(".fold article").first.is_visible()


def test_print_shows_what_is_shut(open_report):
    page = open_report(incomplete())
    page.emulate_media(media="print")
    assert page.locator(".fold dd").first.is_visible()
    assert page.locator(".facets").count() == 0 or not page.locator(".facets").is_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_findings_are_filtered_without_a_script(open_report, scripts):
    page = open_report(unwell(), scripts=scripts)
    groups = page.locator("details.item:not(.folded)")
    assert groups.count() == 6
    assert [one.is_visible() for one in groups.all()] == [True] * 6
    page.get_by_label("prod 2").check()
    assert page.locator("details.item:not(.folded):visible").count() == 2
    page.get_by_label("critical 1").check()
    assert page.locator("details.item:not(.folded):visible").count() == 1


def test_the_line_with_the_answer_stays_in_sight(open_report):
    page = open_report(unwell())
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    assert page.get_by_role("navigation").bounding_box()["y"] == 0


def test_two_thousand_findings_are_still_a_page(open_report, reopen):
    page = open_report(healthy())
    reopen(page, two_thousand())
    assert len(page.content().encode()) <= 1_000_000
    assert page.evaluate("document.documentElement.scrollHeight") <= 30 * 800


@pytest.mark.parametrize("width", [360, 1280])
def test_no_label_of_a_bar_is_cut_off(open_report, width):
    page = open_report(hostile("worker1, nfs.lab.internal:/exports/a-long-name-of-an-export"), width=width)
    page.evaluate(OPEN)
    cut = "() => [...document.querySelectorAll('.bars th[scope=row]')].filter(one => one.scrollWidth > one.clientWidth).length"
    assert page.locator(".bars th[scope=row]").count() > 0
    assert page.evaluate(cut) == 0


def test_print_leaves_out_the_navigation(open_report):
    page = open_report(unwell())
    page.emulate_media(media="print")
    assert not page.get_by_role("navigation").is_visible()
    assert page.get_by_role("heading", level=1).is_visible()


def test_a_hop_that_another_one_blocks_says_so_within_its_box(open_report):
    broken = probe("alertmanager/default-config", "findings", findings=[DEFAULT_CONFIG])
    unseen = probe("alertmanager/delivery", "inconclusive", unchecked=[unchecked("see alertmanager/default-config", ALERTMANAGER)])
    page = open_report(result(broken, unseen, verdict="findings", environments={"prod": ["monitoring-prod"]}))
    assert "blocked by Alertmanager" in page.locator(".path.wide").text_content()
    assert page.evaluate(OUTSIDE) == []

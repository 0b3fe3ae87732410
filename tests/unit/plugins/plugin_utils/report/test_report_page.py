# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page of a report: it shows what it is about, loads nothing, and takes nobody's words for HTML."""

from __future__ import annotations

import html.parser
import typing as t

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.report.document import reported_hosts
from ansible_collections.flaskops.stack.plugins.plugin_utils.report.page import report_page
from ansible_collections.flaskops.stack.tests.unit.answers import DAY, NOW, app, attempt, nothing, part, traffic

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}"
EMPTY_TAGS = {"meta"}


class Page(html.parser.HTMLParser):
    """The tags of a page with their attributes, its text, and whether each tag is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open += [] if tag in EMPTY_TAGS else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def skeleton(self) -> list[tuple[str, list[str]]]:
        return [(tag, sorted(attributes)) for tag, attributes in self.tags]


def page(answers: dict[str, t.Any]) -> Page:
    made = Page(report_page(reported_hosts(answers), NOW))
    assert made.open == []
    return made


def hosts(**changes: t.Any) -> dict[str, t.Any]:
    return {"web1": {"apps": {"shop": app(**changes)}}}


def with_texts(value: t.Any, change: t.Callable[[str], str]) -> t.Any:
    """Return an answer with each text changed but those that are numbers, times or states that choose a colour."""
    if isinstance(value, dict):
        return {key: with_texts(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [with_texts(item, change) for item in value]
    return change(value) if isinstance(value, str) and value not in ("two", "one", "") and not value.endswith("Z") else value


def everything(change: t.Callable[[str], str]) -> dict[str, t.Any]:
    shop = app(problems=["a problem"], changed_by_hand=["/etc/x"])
    return {
        change("web1"): {"apps": {change("shop"): with_texts(shop, change), change("feed"): with_texts(nothing(), change)}},
        change("web2"): {"msg": change("timed out")},
    }


def test_hostile_texts_are_text():
    """The same page with other words has the same tags and attributes, in the same order."""
    harmless, hostile = page(everything(lambda text: f"{text} harmless")), page(everything(lambda text: text + HOSTILE))
    assert hostile.skeleton == harmless.skeleton
    assert hostile.text.count("<script>alert(1)</script>") > 30
    assert "{{ 7*7 }}" in hostile.text


def test_the_page_loads_nothing():
    made = page(everything(lambda text: text))
    assert {tag for tag, _attributes in made.tags} & {"script", "link", "img", "iframe", "object", "base", "form"} == set()
    links = [attributes["href"] for tag, attributes in made.tags if tag == "a"]
    assert links
    assert all(link.startswith("#") for link in links)
    policies = [attributes["content"] for _tag, attributes in made.tags if attributes.get("http-equiv") == "Content-Security-Policy"]
    assert [policy.split(";")[0] for policy in policies] == ["default-src 'none'"]
    assert not [style for _tag, attributes in made.tags if "url(" in (style := attributes.get("style") or "")]


def test_links_lead_to_places_of_the_page():
    made = page(everything(lambda text: text))
    places = [attributes["id"] for _tag, attributes in made.tags if "id" in attributes]
    assert len(places) == len(set(places)) == 2
    assert {attributes["href"][1:] for tag, attributes in made.tags if tag == "a"} <= set(places)


def test_host_application_release_and_state_are_told():
    text = page(hosts()).text
    assert "web1 shop active 0f3a1c9d2b7e 9fceb02d0ae598" in text
    assert "To look at" not in text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"instances": {"two": {**app()["instances"]["two"], "active": "failed"}}}, "shop on web1 is failed"),
        ({"live": ""}, "shop on web1 has no live instance"),
        ({"problems": ["no socket"]}, "shop on web1 no socket"),
        ({"certificate": {"names": [], "issuer": "", "not_after": NOW + 6 * DAY}}, "shop on web1 its certificate ends in 6 d"),
        ({"certificate": {"names": [], "issuer": "", "not_after": NOW - 1}}, "shop on web1 its certificate has ended"),
        ({"history": [attempt(result="failed", reason="no answer")]}, "shop on web1 the last deploy is failed: no answer"),
    ],
)
def test_what_needs_attention_comes_first(changes, says):
    text = page(hosts(**changes)).text
    assert text.index(says) < text.index("What is live")


def test_a_host_that_gave_no_answer_comes_first():
    assert "web9 gave no answer: timed out" in page({**hosts(), "web9": {"msg": "timed out"}}).text


def test_a_report_without_an_application_is_a_page():
    assert "No server has told of an application." in page({"web1": {"apps": {}}}).text


def test_a_site_without_a_log_has_no_plot():
    made = page(hosts(traffic=None))
    assert "svg" not in [tag for tag, _attributes in made.tags]
    assert "nginx writes no access log for this site." in made.text


@pytest.mark.parametrize(("seconds", "said"), [(1800, "Requests in 30 min"), (75, "Requests in 75 s"), (3600, "Requests in 60 min")])
def test_the_length_of_a_part_is_told(seconds, said):
    assert said in page(hosts(traffic=traffic(part_seconds=seconds))).text


def test_a_site_without_visitors_has_no_times():
    text = page(hosts(traffic=traffic([part()] * 48))).text
    assert "20 ms" not in text


def test_40_hosts_are_one_page_of_reasonable_size():
    made = report_page(reported_hosts({f"web{number}": {"apps": {"shop": app(), "feed": app()}} for number in range(40)}), NOW)
    assert made.count("<article") == 80
    assert len(made) < 2_000_000

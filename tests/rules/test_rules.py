"""Every shipped rule: well formed, and right about each of its examples, by both matchers.

A file is a rule, or a correlation with the rules that feed it alone behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest
import yaml
from msgspec import Raw, structs
from sigma.collection import SigmaCollection

from core import sweep
from core.actions import CATALOGUE
from core.chains import fires
from core.correlate import silent
from core.detect import Detector
from core.detect.plain import plain_match
from core.model import LEVELS, to_json
from core.ports import Source
from core.rulebook import Rulebook, dump, load
from core.scan import identify
from core.sigma import Compiled, compile_rules
from core.watch import correlations
from functions.aws.events import SOURCES as AWS
from functions.aws.targets import targets as aws_targets
from functions.azure.events import SOURCES as AZURE
from functions.azure.targets import targets as azure_targets
from functions.gcp.events import SOURCES as GCP
from functions.gcp.targets import targets as gcp_targets

RULES = Path(__file__).parents[2] / "core" / "rules"
FILES = sorted(file for file in RULES.rglob("*.yml") if "\nfilter:" not in file.read_text())
"""Rules; filters of a deployment may lie beside them."""

TARGETS = {"aws": aws_targets, "azure": azure_targets, "gcp": gcp_targets}
ON_AZURE = tuple(one._replace(targets=azure_targets) for one in AZURE)
SWEPT = sweep.source(lambda kind, event: TARGETS[event.provider](kind, event))
SOURCES = (*AWS, *ON_AZURE, *GCP, SWEPT)
ACRONYMS = {
    "ami",
    "aws",
    "ebs",
    "ec2",
    "gcp",
    "iam",
    "mfa",
    "nsg",
    "rds",
    "s3",
    "sg",
    "ssm",
    "vm",
    "vpc",
}
TACTICS = {
    "reconnaissance", "resource-development", "initial-access", "execution", "persistence",
    "privilege-escalation", "stealth", "defense-impairment", "credential-access", "discovery",
    "lateral-movement", "collection", "command-and-control", "exfiltration", "impact",
}  # fmt: skip
"""The tactics of ATT&CK v19, which split defense-evasion into stealth and defense-impairment."""

RETIRED = re.compile(r"attack\.(t1562(\.\d{3})?|defense-evasion)")
"""What v19 renumbered: T1562 became T1685 and T1686."""

OURS = ("first_seen", "absence")
"""Types of correlations that Sigma does not have."""


class Document(NamedTuple):
    """One rule, or correlation, of a file."""

    file: Path
    rule: dict
    first: bool
    """Whether the file has its name; those behind it feed it."""

    def __str__(self) -> str:
        return self.rule["name"]


def read() -> list[Document]:
    return [
        Document(file, rule, place == 0)
        for file in FILES
        for place, rule in enumerate(yaml.safe_load_all(file.read_text()))
    ]


DOCUMENTS = read()
PLAIN = [one for one in DOCUMENTS if "correlation" not in one.rule]
CORRELATIONS = [one for one in DOCUMENTS if "correlation" in one.rule]
FIRST = [one for one in DOCUMENTS if one.first]

every_rule = pytest.mark.parametrize("document", DOCUMENTS, ids=str)
every_correlation = pytest.mark.parametrize("document", CORRELATIONS, ids=str)


@cache
def compiled() -> Compiled:
    return compile_rules([RULES], SOURCES)


@cache
def loaded() -> Rulebook:
    """The rulebook as a function loads it, not as it was compiled."""
    return load(dump(compiled().book))


@cache
def detector() -> Detector:
    return Detector(loaded(), SOURCES)


def source_of(rule: dict) -> str:
    logsource = rule["logsource"]
    return logsource.get("category") or f"{logsource['product']}/{logsource['service']}"


def reads(event: dict) -> Source:
    """The source whose record the example is: known by its marks, as in a hunt."""
    found = identify(event, SOURCES)
    assert found is not None
    return found


def cases(documents: Iterable[Document]):
    return [
        pytest.param(one.rule, example, id=f"{one}: {example['name']}")
        for one in documents
        for example in one.rule["tests"]
    ]


@pytest.mark.parametrize(("rule", "example"), cases(PLAIN))
def test_the_rule_fires_or_is_quiet_as_its_example_says(rule, example):
    matched = detector().match(reads(example["event"]).name, example["event"])
    assert (rule["id"] in {one.id for one in matched}) == example["fires"]


@pytest.mark.parametrize(("rule", "example"), cases(PLAIN))
def test_both_matchers_agree_on_the_example(rule, example):
    source = reads(example["event"])
    indexed = detector().match(source.name, example["event"])
    assert indexed == plain_match(compiled().book, source, example["event"])


@pytest.mark.parametrize(("rule", "example"), cases(CORRELATIONS))
def test_the_correlation_fires_or_is_quiet_as_its_example_says(rule, example):
    assert fires(detector(), rule["id"], example["events"]) == example["fires"]


@pytest.mark.parametrize(("rule", "example"), cases(CORRELATIONS))
def test_both_matchers_agree_on_each_event_of_the_example(rule, example):
    for event in example["events"]:
        source = reads(event)
        assert detector().match(source.name, event) == plain_match(loaded(), source, event)


@every_correlation
def test_one_quiet_example_of_the_correlation_lies_just_beyond_its_border(document):
    """It would fire if one event less, or a tenth more of time, were enough."""
    quiet = [one["events"] for one in document.rule["tests"] if not one["fires"]]
    eased = [Detector(book, SOURCES) for book in easier(document.rule["id"])]
    assert any(fires(one, document.rule["id"], events) for one in eased for events in quiet)


def easier(id: str) -> Iterator[Rulebook]:
    """The rulebook with the correlation a little easier to meet."""
    every = correlations(loaded())
    (one,) = [one for one in every if one.id == id]
    less = tuple(structs.replace(each, count=each.count - 1) for each in one.conditions)
    changes = [
        {"conditions": less} if less else {},
        {"timespan": one.timespan * 11 // 10},
        {"learning": one.learning * 9 // 10},
    ]
    for change in changes:
        eased = [structs.replace(one, **change) if each is one else each for each in every]
        yield structs.replace(loaded(), correlations=tuple(Raw(to_json(each)) for each in eased))


def test_every_rule_compiles_without_a_warning():
    assert [str(fault) for fault in (*compiled().faults, *compiled().warnings)] == []
    assert len(compiled().book.entries) == len(PLAIN)
    assert len(compiled().book.correlations) == len(CORRELATIONS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_reference_parser_finds_nothing_wrong(file):
    texts = file.read_text().split("\n---\n")
    known = [text for text in texts if not any(f"type: {one}\n" in text for one in OURS)]
    parsed = SigmaCollection.from_yaml("\n---\n".join(known), collect_errors=True)
    assert [str(error) for rule in parsed for error in rule.errors] == []
    assert {str(rule.name) for rule in parsed} == {yaml.safe_load(one)["name"] for one in known}


@every_rule
def test_file_name_and_title_can_be_guessed_from_each_other(document):
    words = document.rule["name"].split("_")
    title = re.sub(r"[^a-z0-9]+", " ", document.rule["title"].lower()).split()
    assert title == words
    assert all(word.upper() in document.rule["title"] for word in ACRONYMS.intersection(words))
    assert not document.first or document.file.stem == document.rule["name"]


def test_what_stands_behind_a_correlation_feeds_it_and_says_nothing_itself():
    names = {one.rule["name"]: one.rule["id"] for one in DOCUMENTS}
    quiet = silent(correlations(loaded()))
    assert {names[str(one)] for one in DOCUMENTS if not one.first} == quiet


def test_every_id_is_its_own():
    ids = [one.rule["id"] for one in DOCUMENTS]
    assert len(ids) == len(set(ids))
    assert all(UUID(one).version == 4 for one in ids)


@every_rule
def test_the_rule_says_what_it_is_and_when_it_errs(document):
    rule = document.rule
    assert rule["level"] in LEVELS
    assert rule["status"] in {"stable", "test", "experimental"}
    assert rule["author"] == "Vigil"
    assert rule["falsepositives"]
    assert len(rule["description"]) > len(rule["title"])
    assert all(link.startswith("https://") for link in rule.get("references", ()))
    assert rule.get("references") or not document.first


@every_rule
def test_the_rule_is_on_the_map_of_attack_v19(document):
    tags = document.rule["tags"]
    tactics = [tag for tag in tags if tag.removeprefix("attack.") in TACTICS]
    techniques = [tag for tag in tags if re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", tag)]
    assert tactics
    assert techniques
    assert set(tags) == {*tactics, *techniques}
    assert not any(map(RETIRED.fullmatch, tags))


@every_rule
def test_the_rule_has_a_firing_and_two_quiet_examples(document):
    """One quiet example is enough for what only feeds a correlation, which has its own."""
    tests = document.rule["tests"]
    assert sum(example["fires"] for example in tests) >= 1
    assert sum(not example["fires"] for example in tests) >= (2 if document.first else 1)
    assert len({example["name"] for example in tests}) == len(tests)


@pytest.mark.parametrize(
    "document",
    [one for one in PLAIN if one.first and source_of(one.rule) != "posture"],
    ids=str,
)
def test_a_failed_call_is_among_the_quiet_examples(document):
    quiet = [one["event"] for one in document.rule["tests"] if not one["fires"]]
    assert any(reads(event).event(event).outcome == "failure" for event in quiet)


@every_rule
def test_every_verb_of_the_rule_finds_something_to_act_on(document):
    """A verb without a target in any firing example would never do anything."""
    shown = [
        event
        for one in document.rule["tests"]
        for event in one.get("events", [one.get("event")])
        if one["fires"]
    ]
    for verb in document.rule.get("respond", ()):
        kind = CATALOGUE[verb].target
        assert any(targets_of(kind, record) for record in shown), verb


def targets_of(kind: str, record: dict):
    source = reads(record)
    return source.targets(kind, source.event(record))


def test_between_them_the_rules_name_every_verb():
    assert {verb for one in DOCUMENTS for verb in one.rule.get("respond", ())} == set(CATALOGUE)


@every_rule
def test_the_rule_holds_nothing_but_made_up_accounts_and_addresses(document):
    text = yaml.safe_dump(document.rule["tests"])
    accounts = set(re.findall(r"(?<![\w-])\d{12}(?![\w-])", text))
    addresses = set(re.findall(r"(?<![\w./])\d{1,3}(?:\.\d{1,3}){3}", text))
    keys = set(re.findall(r"A[KS]IA[A-Z0-9]{16}", text))
    assert accounts <= {"123456789012", "111122223333", "127311923021"}  # the last: AWS's own
    assert all(
        re.match(r"192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|10\.|0\.0\.0\.0", one)
        for one in addresses
    )
    assert all(key.endswith("EXAMPLE") for key in keys)


@pytest.mark.parametrize(
    "document",
    [one for one in PLAIN if one.file.parent.name == "cross" and one.first],
    ids=str,
)
def test_a_neutral_rule_is_shown_on_every_cloud(document):
    """For each, records on which it fires, and both a near miss and the everyday twin."""
    shown = [(reads(one["event"]).event(one["event"]), one) for one in document.rule["tests"]]
    clouds = [(event.provider, one["fires"]) for event, one in shown]
    for cloud in ("aws", "azure", "gcp"):
        assert clouds.count((cloud, True)) >= 1
        assert clouds.count((cloud, False)) >= 2

"""Every shipped rule: well formed, and right about each of its examples, by both matchers."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from sigma.collection import SigmaCollection

from core.actions import CATALOGUE
from core.detect import Detector, plain_match
from core.model import LEVELS
from core.rulebook import dump, load
from core.sigma import Compiled, compile_rules
from core.sweep import source
from functions.aws.events import SOURCES as AWS
from functions.aws.targets import targets
from functions.azure.events import SOURCES as AZURE
from functions.azure.targets import targets as azure_targets

RULES = Path(__file__).parents[2] / "core" / "rules"
FILES = sorted(RULES.rglob("*.yml"))
ON_AZURE = tuple(one._replace(targets=azure_targets) for one in AZURE)
READS = {one.name: one for one in (*AWS, *ON_AZURE, source(targets))}
ACRONYMS = {"ami", "aws", "ebs", "ec2", "iam", "mfa", "nsg", "rds", "s3", "sg", "vm", "vpc"}
TACTICS = {
    "reconnaissance", "resource-development", "initial-access", "execution", "persistence",
    "privilege-escalation", "stealth", "defense-impairment", "credential-access", "discovery",
    "lateral-movement", "collection", "command-and-control", "exfiltration", "impact",
}  # fmt: skip
"""The tactics of ATT&CK v19, which split defense-evasion into stealth and defense-impairment."""

RETIRED = re.compile(r"attack\.(t1562(\.\d{3})?|defense-evasion)")
"""What v19 renumbered: T1562 became T1685 and T1686."""

every_rule = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@cache
def compiled() -> Compiled:
    return compile_rules([RULES], READS.values())


@cache
def document(file: Path) -> dict:
    return yaml.safe_load(file.read_text())


@cache
def detector() -> Detector:
    """On the rulebook as a function loads it, not as it was compiled."""
    return Detector(load(dump(compiled().book)), READS.values())


def source_of(rule: dict) -> str:
    logsource = rule["logsource"]
    return logsource.get("category") or f"{logsource['product']}/{logsource['service']}"


def cases():
    for file in FILES:
        for example in document(file)["tests"]:
            yield pytest.param(file, example, id=f"{file.stem}: {example['name']}")


@pytest.mark.parametrize(("file", "example"), list(cases()))
def test_the_rule_fires_or_is_quiet_as_its_example_says(file, example):
    rule = document(file)
    matched = detector().match(source_of(rule), example["event"])
    assert (rule["id"] in {one.id for one in matched}) == example["fires"]


@pytest.mark.parametrize(("file", "example"), list(cases()))
def test_both_matchers_agree_on_the_example(file, example):
    name = source_of(document(file))
    indexed = detector().match(name, example["event"])
    assert indexed == plain_match(compiled().book, READS[name], example["event"])


def test_every_rule_compiles_without_a_warning():
    assert [str(fault) for fault in (*compiled().faults, *compiled().warnings)] == []
    assert len(compiled().book.entries) == len(FILES)


@every_rule
def test_the_reference_parser_finds_nothing_wrong(file):
    parsed = SigmaCollection.from_yaml(file.read_text(), collect_errors=True)
    assert [str(error) for rule in parsed for error in rule.errors] == []
    assert [str(rule.name) for rule in parsed] == [file.stem]


@every_rule
def test_file_name_and_title_can_be_guessed_from_each_other(file):
    rule = document(file)
    words = file.stem.split("_")
    title = re.sub(r"[^a-z0-9]+", " ", rule["title"].lower()).split()
    assert rule["name"] == file.stem
    assert title == words
    assert all(word.upper() in rule["title"] for word in ACRONYMS.intersection(words))


def test_every_id_is_its_own():
    ids = [document(file)["id"] for file in FILES]
    assert len(ids) == len(set(ids))
    assert all(UUID(one).version == 4 for one in ids)


@every_rule
def test_the_rule_says_what_it_is_and_when_it_errs(file):
    rule = document(file)
    assert rule["level"] in LEVELS
    assert rule["status"] in {"stable", "test", "experimental"}
    assert rule["author"] == "Vigil"
    assert rule["falsepositives"]
    assert len(rule["description"]) > len(rule["title"])
    assert all(link.startswith("https://") for link in rule["references"])


@every_rule
def test_the_rule_is_on_the_map_of_attack_v19(file):
    tags = document(file)["tags"]
    tactics = [tag for tag in tags if tag.removeprefix("attack.") in TACTICS]
    techniques = [tag for tag in tags if re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", tag)]
    assert tactics
    assert techniques
    assert set(tags) == {*tactics, *techniques}
    assert not any(map(RETIRED.fullmatch, tags))


@every_rule
def test_the_rule_has_a_firing_and_two_quiet_examples(file):
    tests = document(file)["tests"]
    assert sum(example["fires"] for example in tests) >= 1
    assert sum(not example["fires"] for example in tests) >= 2
    assert len({example["name"] for example in tests}) == len(tests)


@pytest.mark.parametrize(
    "file", [f for f in FILES if source_of(document(f)) != "posture"], ids=lambda file: file.stem
)
def test_a_failed_call_is_among_the_quiet_examples(file):
    rule = document(file)
    quiet = [one["event"] for one in rule["tests"] if not one["fires"]]
    assert any(READS[source_of(rule)].event(event).outcome == "failure" for event in quiet)


@every_rule
def test_every_verb_of_the_rule_finds_something_to_act_on(file):
    """A verb without a target in any firing example would never do anything."""
    rule = document(file)
    reads = READS[source_of(rule)]
    events = [reads.event(one["event"]) for one in rule["tests"] if one["fires"]]
    for verb in rule.get("respond", ()):
        kind = CATALOGUE[verb].target
        assert any(reads.targets(kind, event) for event in events), verb


def test_between_them_the_rules_name_every_verb():
    assert {verb for file in FILES for verb in document(file).get("respond", ())} == set(CATALOGUE)


@every_rule
def test_the_rule_holds_nothing_but_made_up_accounts_and_addresses(file):
    text = yaml.safe_dump(document(file)["tests"])
    accounts = set(re.findall(r"(?<![\w-])\d{12}(?![\w-])", text))
    addresses = set(re.findall(r"(?<![\w./])\d{1,3}(?:\.\d{1,3}){3}", text))
    keys = set(re.findall(r"A[KS]IA[A-Z0-9]{16}", text))
    assert accounts <= {"123456789012", "111122223333", "127311923021"}  # the last: AWS's own
    assert all(
        re.match(r"192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|10\.|0\.0\.0\.0", one)
        for one in addresses
    )
    assert all(key.endswith("EXAMPLE") for key in keys)

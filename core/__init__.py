"""Vigil's core: what is wrong, and what may be done about it. It knows no cloud and no SDK.

A log record becomes an event; an event on which a rule matches becomes a finding, once; a finding
is recorded, told, and may lead to actions, which the guard judges, a verb carries out and verifies,
and the audit journal remembers, so that all of it can be undone. Platforms fill the ports.

Read in this order:

    engine.py     the whole flow on one page
    model.py      the nouns                       ports.py     the holes that a platform fills
    errors.py     who must act                    config.py    settings and policy

    scan/         bytes -> candidate records      sigma/       Sigma documents -> rulebook
    detect/       record -> rules                 rulebook.py  the compiled form of rules
    finding.py    hit -> finding                  claim.py     who works on it, and how far it is
    alert.py      finding -> message              webhook.py   sinks that need no SDK
    suppressions.py  hits that filters suppress, counted and on record

    actions.py    the catalogue of verbs          guard.py     may it run, and why
    respond.py    plan, guard, verb, verify       breaker.py   how much ran lately
    approval.py   a person's word                 audit.py     the chained record of every decision

    correlate/    events that are wrong together  watch.py     what correlations see of a hit
    incident.py   firing -> finding, kept up to date
    evidence.py   watched events, for a while     chains.py    correlations in a hunt
    sightings.py  where a hunt read what

    sweep.py      resources -> the same path      hunt.py      files -> the same rules
    lookback.py   what was read back already
    ocsf.py       Event and Finding as OCSF       report.py    one HTML page
    native.py     reading records of any shape    operations.py what operations mean, in any cloud
    vocabulary.py OCSF's words, natively asked
    attack/       ATT&CK, version 19              hostile.py   what is shown, made safe
    charts.py     the report's charts             memory.py    every port in memory
    lint/         what may be wrong with rules

This file imports nothing.
"""

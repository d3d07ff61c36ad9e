"""Audit events of AKS, and alerts of Defender in their three shapes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.detect import Detector
from core.errors import BadRecord
from core.scan import identify
from core.sigma import compile_rules
from functions.azure.envelopes import unwrap
from functions.azure.events import SOURCES
from functions.azure.events.alerts import alert_event
from functions.azure.events.kubernetes import kubernetes_event
from tests.azure.scenes import ACCOUNT, SUBSCRIPTION

CLUSTER = (
    f"/SUBSCRIPTIONS/{SUBSCRIPTION}/RESOURCEGROUPS/WEB/PROVIDERS/"
    "MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/WEB"
)
AUDIT = {
    "kind": "Event",
    "apiVersion": "audit.k8s.io/v1",
    "auditID": "audit-1",
    "stage": "ResponseComplete",
    "requestURI": "/api/v1/namespaces/web/pods/shop-1/exec?command=sh",
    "verb": "create",
    "user": {"username": "mallory@example.com", "uid": "u-1", "groups": ["system:authenticated"]},
    "sourceIPs": ["192.0.2.7", "10.0.0.1"],
    "userAgent": "kubectl/v1.31.0",
    "objectRef": {
        "resource": "pods",
        "subresource": "exec",
        "namespace": "web",
        "name": "shop-1",
        "apiVersion": "v1",
    },
    "responseStatus": {"code": 101},
    "requestReceivedTimestamp": "2026-11-25T10:20:30.123456Z",
}


def wrapped(log, category="kube-audit"):
    return {
        "time": "2026-11-25T10:20:31Z",
        "resourceId": CLUSTER,
        "operationName": "Microsoft.ContainerService/managedClusters/diagnosticLogs/Read",
        "category": category,
        "properties": {"log": log, "stream": "stdout", "pod": "kube-apiserver-1"},
    }


@pytest.mark.parametrize("category", ["kube-audit", "kube-audit-admin"])
def test_an_audit_event_is_kubernetes_own_with_its_cluster(category):
    (record,) = unwrap({"records": [wrapped(json.dumps(AUDIT), category)]}).records
    assert record == {**AUDIT, "resourceId": CLUSTER}
    assert identify(record, SOURCES).name == "kubernetes/audit"
    event = kubernetes_event(record)
    assert (event.uid, event.operation, event.activity) == ("audit-1", "create pods/exec", "create")
    assert (event.account, event.ip, event.outcome) == (SUBSCRIPTION, "192.0.2.7", "success")
    assert (event.actor.uid, event.actor.name, event.actor.type) == (
        "u-1",
        "mallory@example.com",
        "user",
    )
    assert event.resources[0].uid == f"{CLUSTER.lower()}/web/pods/exec/shop-1"


@pytest.mark.parametrize("ips", [[{}], [None, 7], "x", {"a": 1}, [["192.0.2.7"]]])
def test_addresses_that_are_no_texts_are_none(ips):
    assert kubernetes_event({**AUDIT, "sourceIPs": ips}).ip in ("", "x", "192.0.2.7")


@pytest.mark.parametrize("log", ['{"cut', "[]", "3", "", None])
def test_an_audit_event_that_was_cut_is_refused_and_the_others_go_on(log):
    found = unwrap({"records": [wrapped(log), wrapped(json.dumps(AUDIT))]})
    assert (len(found.records), len(found.refused)) == (1, 1)


def test_another_log_of_the_cluster_is_nobodys():
    (record,) = unwrap({"records": [wrapped("I1125 text", "kube-apiserver")]}).records
    assert identify(record, SOURCES) is None


def test_whoever_acts_as_another_is_named_beside_the_other():
    record = {**AUDIT, "impersonatedUser": {"username": "system:admin"}}
    actor = kubernetes_event(record).actor
    assert (actor.name, actor.type, actor.issuer) == (
        "system:admin",
        "service",
        "mallory@example.com",
    )


def test_a_refusal_is_a_failure():
    denied = {**AUDIT, "responseStatus": {"code": 403, "reason": "Forbidden", "message": "no"}}
    event = kubernetes_event(denied)
    assert (event.outcome, event.error, event.message) == ("failure", "Forbidden", "no")


HUB = {
    "VendorName": "Microsoft",
    "AlertType": "Storage.Blob_AnonymousAccess",
    "ProductName": "Microsoft Defender for Cloud",
    "StartTimeUtc": "2026-11-25T10:20:30Z",
    "Severity": "High",
    "Status": "New",
    "SystemAlertId": "alert-1",
    "CompromisedEntity": "acmedata",
    "Intent": "Collection",
    "AlertDisplayName": "Anonymous access",
    "ResourceIdentifiers": [{"Type": "AzureResource", "AzureResourceId": ACCOUNT}],
    "Entities": [
        {"Type": "ip", "Address": "192.0.2.7"},
        {"Type": "account", "Name": "mallory", "AadUserId": "object-1"},
    ],
}
ARM = {
    "id": f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/locations/x/alerts/alert-1",
    "name": "alert-1",
    "type": "Microsoft.Security/Locations/alerts",
    "properties": {
        "alertType": HUB["AlertType"],
        "systemAlertId": "alert-1",
        "productName": HUB["ProductName"],
        "startTimeUtc": HUB["StartTimeUtc"],
        "severity": "High",
        "status": "Active",
        "compromisedEntity": "acmedata",
        "alertDisplayName": HUB["AlertDisplayName"],
        "resourceIdentifiers": [{"type": "AzureResource", "azureResourceId": ACCOUNT}],
        "entities": [
            {"type": "ip", "address": "192.0.2.7"},
            {"type": "account", "name": "mallory", "aadUserId": "object-1"},
        ],
    },
}
GRAPH = {
    "@odata.type": "#microsoft.graph.security.alert",
    "id": "alert-1",
    "providerAlertId": "alert-1",
    "tenantId": "00000000-0000-0000-0000-00000000000b",
    "detectorId": HUB["AlertType"],
    "serviceSource": "microsoftDefenderForCloud",
    "severity": "high",
    "status": "new",
    "category": "Collection",
    "title": HUB["AlertDisplayName"],
    "createdDateTime": HUB["StartTimeUtc"],
    "evidence": [
        {"@odata.type": "#microsoft.graph.security.ipEvidence", "ipAddress": "192.0.2.7"},
        {
            "@odata.type": "#microsoft.graph.security.userEvidence",
            "userAccount": {"userPrincipalName": "mallory", "azureAdUserId": "object-1"},
        },
        {
            "@odata.type": "#microsoft.graph.security.azureResourceEvidence",
            "resourceId": ACCOUNT,
        },
    ],
}
ROW = HUB | {"Entities": json.dumps(HUB["Entities"])}
"""Of Log Analytics, which has lists as text."""
ALERTS = {"hub": HUB, "arm": ARM, "graph": GRAPH, "row": ROW}


@pytest.mark.parametrize("name", ALERTS)
def test_every_shape_of_an_alert_says_the_same(name):
    record = ALERTS[name]
    assert identify(record, SOURCES).name == "azure/securityalert"
    event = alert_event(record)
    assert (event.uid, event.operation) == ("alert-1", HUB["AlertType"])
    assert (event.message, event.ip) == (HUB["AlertDisplayName"], "192.0.2.7")
    assert (event.actor.uid, event.actor.name) == ("object-1", "mallory")
    assert event.resources[0].uid == ACCOUNT.lower()
    assert event.account == SUBSCRIPTION


def test_an_alert_of_no_resource_names_what_was_compromised():
    event = alert_event({**HUB, "ResourceIdentifiers": [], "Entities": []})
    assert (event.resources[0].uid, event.account) == ("acmedata", "")


@pytest.mark.parametrize("name", ALERTS)
def test_a_rule_in_sentinels_words_fires_on_every_shape(name, tmp_path):
    rule = """
title: Serious Alert
id: 8f0a1f4e-0000-4000-8000-0000000000b1
name: serious_alert
status: test
level: high
logsource: {product: azure, service: securityalert}
detection:
  selection: {AlertSeverity: High, AlertName|contains: anonymous}
  condition: selection
"""
    assert fires(tmp_path, rule, "azure/securityalert", ALERTS[name])


def test_rules_for_kubernetes_name_fields_as_sigmahq_does(tmp_path):
    rule = """
title: Privileged Pod
id: 8f0a1f4e-0000-4000-8000-0000000000b2
name: privileged_pod
status: test
level: high
logsource: {product: kubernetes, service: audit, category: application}
detection:
  selection: {verb: create, objectRef.resource: pods, capabilities: '*', hostPath: '*'}
  condition: selection
"""
    spec = {
        "containers": [{"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}],
        "volumes": [{"hostPath": {"path": "/"}}],
    }
    record = {**AUDIT, "requestObject": {"spec": spec}}
    assert fires(tmp_path, rule, "kubernetes/audit", record)
    assert not fires(tmp_path, rule, "kubernetes/audit", AUDIT)


def fires(folder: Path, rule, source, record):
    (folder / "rule.yml").write_text(rule)
    compiled = compile_rules([folder / "rule.yml"], SOURCES)
    assert not compiled.faults
    return bool(Detector(compiled.book, SOURCES).match(source, record))


@pytest.mark.parametrize("read", [alert_event, kubernetes_event])
@pytest.mark.parametrize("record", [{}, [], None, {"id": 3, "verb": ["x"]}])
def test_what_lacks_its_identity_is_refused(read, record):
    with pytest.raises(BadRecord):
        read(record)

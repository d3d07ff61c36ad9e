"""A small log record, and a rule that matches it."""

from __future__ import annotations

from typing import Any


def record(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A CloudTrail record that the rule below matches."""
    return {
        "eventVersion": "1.11",
        "eventID": f"event-{number}",
        "eventTime": f"2026-01-31T12:00:{number:02d}Z",
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": "StopLogging",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.17.0",
        "userIdentity": {
            "type": "IAMUser",
            "arn": "arn:aws:iam::123456789012:user/dana",
            "accountId": "123456789012",
            "userName": "dana",
        },
        "requestParameters": {"name": "main"},
        "responseElements": None,
        "recipientAccountId": "123456789012",
        **fields,
    }


RULE = """\
title: Logging stopped
id: 11111111-2222-3333-4444-555555555555
status: stable
description: Somebody turned the trail off.
level: high
tags: [attack.defense-impairment, attack.t1685.002]
logsource: {product: aws, service: cloudtrail}
detection:
  stop: {eventSource: cloudtrail.amazonaws.com, eventName: StopLogging}
  condition: stop
respond: [restore_audit_logging]
tests:
  - name: stopped
    fires: true
    event:
      eventSource: cloudtrail.amazonaws.com
      eventName: StopLogging
      eventTime: '2026-01-31T12:00:00Z'
  - name: started
    fires: false
    event: {eventSource: cloudtrail.amazonaws.com, eventName: StartLogging, eventTime: '2026-01-31'}
"""
RULE_ID = "11111111-2222-3333-4444-555555555555"

"""Which fields a CloudTrail record may have, and which records AWS delivers only when it is asked.

Facts for the checks of rules; nothing here reads a record. Sources:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html,
.../cloudtrail-event-reference-user-identity.html,
.../logging-data-events-with-cloudtrail.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html.
"""

from __future__ import annotations

from core.ports import Telemetry

__all__ = ["FIELDS", "OFF"]

FIELDS: tuple[str, ...] = (
    "addendum.originalEventID",
    "addendum.originalRequestID",
    "addendum.reason",
    "addendum.updatedFields",
    "additionalEventData.*",
    "apiVersion",
    "awsRegion",
    "edgeDeviceDetails.*",
    "errorCode",
    "errorMessage",
    "eventCategory",
    "eventContext.*",
    "eventID",
    "eventName",
    "eventSource",
    "eventTime",
    "eventType",
    "eventVersion",
    "insightDetails.*",
    "managementEvent",
    "readOnly",
    "recipientAccountId",
    "requestID",
    "requestParameters.*",
    "resources[].ARN",
    "resources[].ARNPrefix",
    "resources[].accountId",
    "resources[].type",
    "responseElements.*",
    "serviceEventDetails.*",
    "sessionCredentialFromConsole",
    "sharedEventID",
    "sourceIPAddress",
    "tlsDetails.*",
    "userAgent",
    "userIdentity.accessKeyId",
    "userIdentity.accountId",
    "userIdentity.arn",
    "userIdentity.credentialId",
    "userIdentity.identityProvider",
    "userIdentity.inScopeOf.*",
    "userIdentity.invokedBy",
    "userIdentity.invokedByDelegate.*",
    "userIdentity.onBehalfOf.identityStoreArn",
    "userIdentity.onBehalfOf.userId",
    "userIdentity.principalId",
    "userIdentity.sessionContext.assumedRoot",
    "userIdentity.sessionContext.attributes.creationDate",
    "userIdentity.sessionContext.attributes.mfaAuthenticated",
    "userIdentity.sessionContext.ec2RoleDelivery",
    "userIdentity.sessionContext.sessionIssuer.accountId",
    "userIdentity.sessionContext.sessionIssuer.arn",
    "userIdentity.sessionContext.sessionIssuer.principalId",
    "userIdentity.sessionContext.sessionIssuer.type",
    "userIdentity.sessionContext.sessionIssuer.userName",
    "userIdentity.sessionContext.sourceIdentity",
    "userIdentity.sessionContext.webIdFederationData.*",
    "userIdentity.type",
    "userIdentity.userName",
    "vpcEndpointAccountId",
    "vpcEndpointId",
)
"""As core.ports.Source.fields has them; what services themselves write is open."""

OBJECTS = (
    "abortmultipartupload",
    "completemultipartupload",
    "copyobject",
    "createmultipartupload",
    "deleteobject",
    "deleteobjects",
    "deleteobjecttagging",
    "getobject",
    "getobjectacl",
    "getobjectattributes",
    "getobjectlegalhold",
    "getobjectretention",
    "getobjecttagging",
    "getobjecttorrent",
    "headobject",
    "listobjects",
    "listobjectversions",
    "listparts",
    "putobject",
    "putobjectacl",
    "putobjectlegalhold",
    "putobjectretention",
    "putobjecttagging",
    "restoreobject",
    "selectobjectcontent",
    "uploadpart",
    "uploadpartcopy",
)

ITEMS = (
    "batchexecutestatement",
    "batchgetitem",
    "batchwriteitem",
    "deleteitem",
    "executestatement",
    "executetransaction",
    "getitem",
    "putitem",
    "query",
    "scan",
    "transactgetitems",
    "transactwriteitems",
    "updateitem",
)

MESSAGES = (
    "deletemessage",
    "deletemessagebatch",
    "receivemessage",
    "sendmessage",
    "sendmessagebatch",
)

BLOCKS = ("getsnapshotblock", "listchangedblocks", "listsnapshotblocks", "putsnapshotblock")


def _data(what: str, source: str, names: tuple[str, ...]) -> Telemetry:
    where = {"eventSource": (f"{source}.amazonaws.com",), "eventName": names}
    return Telemetry("data", f"data events of {what}", where)


OFF: tuple[Telemetry, ...] = (
    _data("S3 objects", "s3", OBJECTS),
    _data("DynamoDB items", "dynamodb", ITEMS),
    _data("Lambda invocations", "lambda", ("invoke", "invokewithresponsestream")),
    _data("EBS snapshot blocks", "ebs", BLOCKS),
    _data("SQS messages", "sqs", MESSAGES),
    _data("SNS messages", "sns", ("publish", "publishbatch")),
    Telemetry(
        "read",
        "read-only management events",
        {"eventName": ("get*", "list*", "describe*", "lookup*", "assumerole*")},
        {
            "eventName": ("get*token*", "get*credentials*", "get*accessdetails*"),
            "eventSource": ("signin.amazonaws.com", "sso.amazonaws.com"),
        },
    ),
)
"""Trails record data events only where they are asked to, and EventBridge gets read-only events
only with a rule in the state ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS. The exceptions hand out
something: many of them have `readOnly: false`, and the names don't tell which."""

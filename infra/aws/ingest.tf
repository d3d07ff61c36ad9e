# Log -> queue. EventBridge delivers CloudTrail's events within minutes; the trail's own files can
# come in by the same queue. Whatever comes twice is one finding: its id is made from its content.

locals {
  # Every eventName that a shipped rule can match, kept by hand; tests/infra demands that each rule's
  # examples get through. Sign-ins are not here: they have a rule of their own below.
  event_names = [
    "AddClientIDToOpenIDConnectProvider",
    "AddLayerVersionPermission20181031",
    "AddMemberToGroup",
    "AddPermission",
    "AddRoleToInstanceProfile",
    "AddUserToGroup",
    "AdminAddUserToGroup",
    "AdminSetUserMFAPreference",
    "AdminSetUserPassword",
    "AssociateAccessPolicy",
    "AssociateDirectory",
    "AssociateIamInstanceProfile",
    "AssociateIdentityProviderConfig",
    "AssociateResourceShare",
    "AttachCustomerManagedPolicyReferenceToPermissionSet",
    "AttachGroupPolicy",
    "AttachManagedPolicyToPermissionSet",
    "AttachRolePolicy",
    "AttachUserPolicy",
    "AuthorizeDataShare",
    "AuthorizeEndpointAccess",
    "AuthorizeSecurityGroupIngress",
    "AuthorizeSnapshotAccess",
    "BatchDisableStandards",
    "BatchGetSecretValue",
    "CloseAccount",
    "CreateAccessEntry",
    "CreateAccessKey",
    "CreateAccountAssignment",
    "CreateApiKey",
    "CreateArchiveRule",
    "CreateBucketAccessKey",
    "CreateExternalIdPConfigurationForDirectory",
    "CreateFilter",
    "CreateGroupMembership",
    "CreateIPSet",
    "CreateIdentityProvider",
    "CreateKeyPair",
    "CreateLoginProfile",
    "CreateOpenIDConnectProvider",
    "CreatePodIdentityAssociation",
    "CreatePolicy",
    "CreatePolicyVersion",
    "CreateProfile",
    "CreateResourceShare",
    "CreateRole",
    "CreateSAMLProvider",
    "CreateServiceSpecificCredential",
    "CreateTrustAnchor",
    "CreateTrustedTokenIssuer",
    "CreateUser",
    "CreateVirtualMFADevice",
    "DeactivateMFADevice",
    "DeleteAccountPublicAccessBlock",
    "DeleteAnalyzer",
    "DeleteAwsLogSource",
    "DeleteBucketPublicAccessBlock",
    "DeleteCluster",
    "DeleteConfigRule",
    "DeleteConfigurationRecorder",
    "DeleteConformancePack",
    "DeleteCustomKeyStore",
    "DeleteDataLake",
    "DeleteDeliveryChannel",
    "DeleteDeliveryDestination",
    "DeleteDestination",
    "DeleteDetector",
    "DeleteEventDataStore",
    "DeleteFirewall",
    "DeleteFirewallPolicy",
    "DeleteFlowLogs",
    "DeleteGraph",
    "DeleteHsm",
    "DeleteImportedKeyMaterial",
    "DeleteKey",
    "DeleteLoggingConfiguration",
    "DeleteMember",
    "DeleteMembers",
    "DeleteMfaDeviceForUser",
    "DeleteModelInvocationLoggingConfiguration",
    "DeleteOpenIDConnectProvider",
    "DeleteOrganizationConfigRule",
    "DeletePermissionsBoundaryFromPermissionSet",
    "DeleteProtection",
    "DeletePublishingDestination",
    "DeleteQueryLoggingConfig",
    "DeleteResolverQueryLogConfig",
    "DeleteRolePermissionsBoundary",
    "DeleteRuleGroup",
    "DeleteSAMLProvider",
    "DeleteSubscriptionFilter",
    "DeleteThreatIntelSet",
    "DeleteTrail",
    "DeleteUserPermissionsBoundary",
    "DeleteVirtualMFADevice",
    "DeleteWebACL",
    "DeregisterDelegatedAdministrator",
    "Disable",
    "DisableAWSServiceAccess",
    "DisableImageBlockPublicAccess",
    "DisableImportFindingsForProduct",
    "DisableKey",
    "DisableLogging",
    "DisableMacie",
    "DisablePolicyType",
    "DisableProactiveEngagement",
    "DisableSecurityHub",
    "DisableSnapshotBlockPublicAccess",
    "DisassociateFromAdministratorAccount",
    "DisassociateFromMasterAccount",
    "DisassociateMembers",
    "DisassociateMembership",
    "DisassociateResolverQueryLogConfig",
    "DisassociateWebACL",
    "DisconnectCustomKeyStore",
    "DownloadDefaultKeyPair",
    "EnableExternalIdPConfigurationForDirectory",
    "EnableMFADevice",
    "EnableProfile",
    "EnableTrustAnchor",
    "GetAccountAuthorizationDetails",
    "GetAccountSummary",
    "GetCallerIdentity",
    "GetInstanceAccessDetails",
    "GetPasswordData",
    "GetSecretValue",
    "ImportKeyPair",
    "LeaveOrganization",
    "ListBuckets",
    "ListUsers",
    "ModifyDBClusterSnapshotAttribute",
    "ModifyDBSnapshotAttribute",
    "ModifyDocumentPermission",
    "ModifyFpgaImageAttribute",
    "ModifyImageAttribute",
    "ModifySecurityGroupRules",
    "ModifySnapshotAttribute",
    "ModifyVpcEndpointServicePermissions",
    "PutAccountPublicAccessBlock",
    "PutBucketAcl",
    "PutBucketLifecycle",
    "PutBucketPolicy",
    "PutBucketPublicAccessBlock",
    "PutEventSelectors",
    "PutGroupPolicy",
    "PutInlinePolicyToPermissionSet",
    "PutRolePolicy",
    "PutUserPolicy",
    "RegisterDelegatedAdministrator",
    "RemoveAccountFromOrganization",
    "ReplaceIamInstanceProfileAssociation",
    "ResetServiceSpecificCredential",
    "ResyncMFADevice",
    "RunInstances",
    "ScheduleKeyDeletion",
    "SendCommand",
    "SetDefaultPolicyVersion",
    "SetUserMFAPreference",
    "SetUserPoolMfaConfig",
    "SetVaultAccessPolicy",
    "StartSession",
    "StartVirtualMfaDeviceRegistration",
    "StopConfigurationRecorder",
    "StopEventDataStoreIngestion",
    "StopKeyUsage",
    "StopLogging",
    "StopMonitoringMembers",
    "UpdateAssumeRolePolicy",
    "UpdateDetector",
    "UpdateFilter",
    "UpdateIPSet",
    "UpdateIdentityProvider",
    "UpdateLoginProfile",
    "UpdateMfaDeviceForUser",
    "UpdateOpenIDConnectProviderThumbprint",
    "UpdatePodIdentityAssociation",
    "UpdateProfile",
    "UpdateSAMLProvider",
    "UpdateTrail",
    "UpdateTrustAnchor",
    "UpdateTrustedTokenIssuer",
    "UploadSSHPublicKey",
    "UploadSigningCertificate",
  ]

  # What services call a refusal, for the rule that counts refused calls of any name.
  denials = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "Client.UnauthorizedOperation",
    "UnauthorizedOperation",
  ]

  # An event pattern holds 2048 characters; 40 names of the longest kind stay below that.
  event_name_chunks = chunklist(local.event_names, 40)

  # AWS's own actions, calls, console actions and sign-ins differ in what comes before " via".
  from_cloudtrail = [{ suffix = " via CloudTrail" }]

  patterns = merge(
    {
      for number, names in local.event_name_chunks : "calls-${number + 1}" => {
        detail-type = local.from_cloudtrail
        detail      = { eventName = names }
      }
    },
    {
      denied = {
        detail-type = local.from_cloudtrail
        detail      = { errorCode = local.denials }
      }
      sign-ins = { detail-type = ["AWS Console Sign In via CloudTrail"] }
      root = {
        detail-type = local.from_cloudtrail
        detail      = { userIdentity = { type = ["Root"] } }
      }
    },
    {
      for trail in var.trail[*] : "trail-files" => {
        source      = ["aws.s3"]
        detail-type = ["Object Created"]
        detail = {
          bucket = { name = [trail.bucket] }
          object = { key = [{ wildcard = "${trail.prefix}*.json.gz" }] }
        }
      }
    },
  )
}

resource "aws_cloudwatch_event_rule" "events" {
  for_each = local.patterns

  name          = "${var.name}-${each.key}"
  description   = "To the queue of ${var.name}'s detect function."
  event_pattern = jsonencode(each.value)

  # Plain ENABLED silently leaves out every read-only call: Get, List and Describe.
  state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"

  lifecycle {
    precondition {
      condition     = length(jsonencode(each.value)) <= 2048
      error_message = "EventBridge takes patterns of up to 2048 characters: make the chunks of event_names smaller."
    }
  }
}

resource "aws_cloudwatch_event_target" "events" {
  for_each = aws_cloudwatch_event_rule.events

  rule      = each.value.name
  target_id = "events"
  arn       = aws_sqs_queue.work["events"].arn

  dead_letter_config {
    arn = aws_sqs_queue.dead["events"].arn
  }
}

resource "aws_lambda_event_source_mapping" "detect" {
  event_source_arn        = aws_sqs_queue.work["events"].arn
  function_name           = aws_lambda_function.this["detect"].arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  # The mapping is refused while the role can't read the queue.
  depends_on = [aws_iam_role_policy.function]
}

resource "aws_sqs_queue" "work" {
  for_each = { events = "detect", respond = "respond" }

  name                       = "${var.name}-${each.key}"
  kms_master_key_id          = aws_kms_key.data.arn
  message_retention_seconds  = 14 * 24 * 3600
  visibility_timeout_seconds = 6 * var.functions[each.value].timeout

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "dead" {
  for_each = toset(["events", "respond", "sweep"])

  name                      = "${var.name}-${each.key}-dead"
  kms_master_key_id         = aws_kms_key.data.arn
  message_retention_seconds = 14 * 24 * 3600
}

# Input that no delivery can mend, with the reason; nothing reads it but an operator.
resource "aws_sqs_queue" "rejects" {
  name                      = "${var.name}-rejects"
  kms_master_key_id         = aws_kms_key.data.arn
  message_retention_seconds = 14 * 24 * 3600
}

locals {
  queues = {
    events       = aws_sqs_queue.work["events"]
    respond      = aws_sqs_queue.work["respond"]
    events-dead  = aws_sqs_queue.dead["events"]
    respond-dead = aws_sqs_queue.dead["respond"]
    sweep-dead   = aws_sqs_queue.dead["sweep"]
    rejects      = aws_sqs_queue.rejects
  }

  # Services that may put messages on a queue. Roles need no mention: their own policies allow them.
  senders = {
    events = concat(
      [{ service = "events.amazonaws.com", test = "ArnLike", key = "aws:SourceArn", value = local.rule_arns }],
      [for trail in var.trail[*] : {
        service = "s3.amazonaws.com"
        test    = "ArnEquals"
        key     = "aws:SourceArn"
        value   = "arn:${local.partition}:s3:::${trail.bucket}"
      }],
      [for trail in var.trail[*] : {
        service = "sns.amazonaws.com"
        test    = "ArnEquals"
        key     = "aws:SourceArn"
        value   = trail.topic_arn
      } if trail.topic_arn != null],
    )
    events-dead = [
      { service = "events.amazonaws.com", test = "ArnLike", key = "aws:SourceArn", value = local.rule_arns },
    ]
  }

  trail_account = try(coalesce(var.trail.account, local.account), local.account)
}

data "aws_iam_policy_document" "queue" {
  for_each = local.queues

  statement {
    sid       = "OnlyEncrypted"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = lookup(local.senders, each.key, [])

    content {
      actions   = ["sqs:SendMessage"]
      resources = [each.value.arn]

      principals {
        type        = "Service"
        identifiers = [statement.value.service]
      }

      condition {
        test     = statement.value.test
        variable = statement.value.key
        values   = [statement.value.value]
      }

      # A bucket's ARN does not say whose it is: the name could be taken over by another account.
      dynamic "condition" {
        for_each = statement.value.service == "s3.amazonaws.com" ? [local.trail_account] : []

        content {
          test     = "StringEquals"
          variable = "aws:SourceAccount"
          values   = [condition.value]
        }
      }
    }
  }
}

resource "aws_sqs_queue_policy" "this" {
  for_each = local.queues

  queue_url = each.value.url
  policy    = data.aws_iam_policy_document.queue[each.key].json
}

# What detect may do beyond what all functions may: read its queue and the trail's files.
data "aws_iam_policy_document" "detect" {
  source_policy_documents = [
    data.aws_iam_policy_document.common["detect"].json,
    data.aws_iam_policy_document.tell.json,
    data.aws_iam_policy_document.order.json,
  ]

  statement {
    sid = "ReadOwnQueue"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
    ]
    resources = [aws_sqs_queue.work["events"].arn]
  }

  dynamic "statement" {
    for_each = var.trail[*]

    content {
      sid       = "ReadTrailFiles"
      actions   = ["s3:GetObject", "s3:GetObjectVersion"]
      resources = ["arn:${local.partition}:s3:::${statement.value.bucket}/${statement.value.prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = try(compact([var.trail.kms_key_arn]), [])

    content {
      sid       = "DecryptTrailFiles"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

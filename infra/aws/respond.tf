# The only part that can change anything, and the person who may let it.

locals {
  # Verb -> the rights it needs; written and tested beside the verbs themselves. Keys that begin with
  # an underscore are not verbs.
  permissions = jsondecode(file("${path.module}/../../functions/aws/permissions.json"))
  known_verbs = toset([for verb in keys(local.permissions) : verb if !startswith(verb, "_")])

  # A verb that is only rehearsed reads and plans: it gets the reading part of its rights.
  rehearsed = toset([
    for verb, each in var.policy.verbs : verb
    if each.mode == "rehearse" && !contains(var.enabled_verbs, verb)
  ])

  verb_rights = merge(
    { for verb in var.enabled_verbs : verb => local.permissions[verb] },
    {
      for verb in local.rehearsed : verb => [
        for right in local.permissions[verb] : right
        if can(regex("^[a-z0-9-]+:(Describe|Get|List)", right))
      ]
    },
  )
}

data "aws_iam_policy_document" "respond" {
  source_policy_documents = [
    data.aws_iam_policy_document.common["respond"].json,
    data.aws_iam_policy_document.tell.json,
  ]

  statement {
    sid = "ReadOwnQueue"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
    ]
    resources = [aws_sqs_queue.work["respond"].arn]
  }

  statement {
    sid       = "ReadPolicy"
    actions   = ["ssm:GetParameter"]
    resources = [aws_ssm_parameter.policy.arn]
  }

  statement {
    sid       = "SignApprovals"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.approve.arn]
  }
}

# The rights of the enabled verbs, apart from the rest so that a plan shows them word by word.
resource "aws_iam_role_policy" "verbs" {
  count = length(local.verb_rights) > 0 ? 1 : 0

  name   = "verbs"
  role   = aws_iam_role.function["respond"].name
  policy = data.aws_iam_policy_document.verbs.json
}

data "aws_iam_policy_document" "verbs" {
  dynamic "statement" {
    for_each = local.verb_rights

    content {
      sid       = replace(title(replace(statement.key, "_", " ")), " ", "")
      actions   = statement.value
      resources = ["*"] # what an intruder will touch is not known beforehand
    }
  }

  # The guard refuses Vigil's own and the protected; the role could not do it either.
  statement {
    sid       = "NeverOwn"
    effect    = "Deny"
    actions   = ["iam:*"]
    resources = [local.role_arns]
  }

  # The journal's public access block and policy are nobody's to change but the deployer's. What the
  # function itself needs of the bucket is allowed above and named here as the exception.
  statement {
    sid         = "NeverJournal"
    effect      = "Deny"
    not_actions = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    resources   = [local.journal_arn, "${local.journal_arn}/*"]
  }

  dynamic "statement" {
    for_each = length(local.protected_identities) > 0 ? [local.protected_identities] : []

    content {
      sid       = "NeverProtected"
      effect    = "Deny"
      actions   = ["iam:*"]
      resources = statement.value
    }
  }
}

locals {
  # Only full names of IAM can be said in IAM; other globs are the guard's alone. A glob's brackets
  # mean nothing to IAM, so such ones are left to the guard too.
  protected_identities = [
    for glob in var.policy.protected : glob
    if can(regex("^arn:[a-z-]+:iam::[0-9*?]*:(user|role|group)/[^][]+$", glob))
  ]
}

resource "aws_lambda_event_source_mapping" "respond" {
  event_source_arn        = aws_sqs_queue.work["respond"].arn
  function_name           = aws_lambda_function.this["respond"].arn
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"]

  # Few at a time: the breaker counts what ran before, and the journal has one end to append to.
  scaling_config {
    maximum_concurrency = 2
  }

  depends_on = [aws_iam_role_policy.function]
}

# approve may only read state, write the release, and put the action on respond's queue again.
data "aws_iam_policy_document" "approve" {
  source_policy_documents = [
    data.aws_iam_policy_document.common["approve"].json,
    data.aws_iam_policy_document.order.json,
  ]

  statement {
    sid       = "CheckApprovals"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.approve.arn]
  }
}

resource "aws_secretsmanager_secret" "approve" {
  name        = "${var.name}/approve"
  description = "Key that signs ${var.name}'s approval links."
  kms_key_id  = aws_kms_key.data.arn

  # With no recovery window a deployment that is destroyed can be made again at once.
  recovery_window_in_days = var.protect_data ? 30 : 0
}

# Made while applying and written without passing through plan or state.
ephemeral "aws_secretsmanager_random_password" "approve" {
  password_length     = 64
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "approve" {
  secret_id                = aws_secretsmanager_secret.approve.id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.approve.random_password
  secret_string_wo_version = 1 # raise it to change the key: links that are out stop working
}

# The address of the approval page; with no verb enabled there is nothing to approve and no address.
# Open to all on purpose: whoever gets the link in a chat has no AWS credentials. What protects it is
# the token in the link: signed, expiring, for one action and one use; GET only shows. An HTTP API
# rather than a function URL, see docs/decisions/0042.
resource "aws_apigatewayv2_api" "approve" {
  count = length(var.enabled_verbs) > 0 ? 1 : 0

  name          = "${var.name}-approve"
  description   = "Shows and releases actions that ${var.name} holds."
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "approve" {
  count = length(aws_apigatewayv2_api.approve)

  api_id                 = aws_apigatewayv2_api.approve[0].id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.this["approve"].invoke_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "approve" {
  for_each = length(var.enabled_verbs) > 0 ? toset(["GET", "POST"]) : []

  api_id    = aws_apigatewayv2_api.approve[0].id
  route_key = "${each.value} /approve"
  target    = "integrations/${aws_apigatewayv2_integration.approve[0].id}"
}

resource "aws_apigatewayv2_stage" "approve" {
  count = length(aws_apigatewayv2_api.approve)

  api_id      = aws_apigatewayv2_api.approve[0].id
  name        = "$default"
  auto_deploy = true

  # People click; more than this is somebody guessing.
  default_route_settings {
    throttling_burst_limit = 10
    throttling_rate_limit  = 5
  }

  # Neither path nor query: the token must not lie in a log.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.approve[0].arn
    format = jsonencode({
      request = "$context.requestId"
      time    = "$context.requestTimeEpoch"
      ip      = "$context.identity.sourceIp"
      route   = "$context.routeKey"
      status  = "$context.status"
    })
  }
}

resource "aws_cloudwatch_log_group" "approve" {
  count = length(var.enabled_verbs) > 0 ? 1 : 0

  name              = "/aws/apigateway/${var.name}-approve"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.data.arn
}

resource "aws_lambda_permission" "approve" {
  count = length(aws_apigatewayv2_api.approve)

  statement_id  = "approve-page"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["approve"].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.approve[0].execution_arn}/*/*/approve"
}

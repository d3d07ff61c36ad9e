# Four functions from one zip, each with a role, a log group and the rights of its work alone.

locals {
  package = coalesce(var.package, "${path.module}/../../build/aws.zip")

  environment = merge(
    {
      VIGIL_ACTIONS                = aws_sqs_queue.work["respond"].url
      VIGIL_ALERTS                 = aws_sns_topic.alerts.arn
      VIGIL_APPROVE_SECRET         = aws_secretsmanager_secret.approve.arn
      VIGIL_JOURNAL                = aws_s3_bucket.journal.bucket
      VIGIL_POLICY                 = aws_ssm_parameter.policy.name
      VIGIL_REJECTS                = aws_sqs_queue.rejects.url
      VIGIL_RULEBOOK               = "rulebook.json"
      VIGIL_TABLE                  = aws_dynamodb_table.state.name
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Vigil"
    },
    length(var.regions) == 0 ? {} : { VIGIL_REGIONS = join(",", var.regions) },
    var.webhooks_secret_arn == null ? {} : { VIGIL_WEBHOOKS = var.webhooks_secret_arn },
  )

  # For all but approve, which is behind it: each would wait for the other.
  approve_url = [for api in aws_apigatewayv2_api.approve : "${api.api_endpoint}/approve"]

  rights = {
    detect  = data.aws_iam_policy_document.detect.json
    respond = data.aws_iam_policy_document.respond.json
    sweep   = data.aws_iam_policy_document.sweep.json
    approve = data.aws_iam_policy_document.approve.json
  }
}

resource "aws_lambda_function" "this" {
  for_each = var.functions

  function_name                  = "${var.name}-${each.key}"
  description                    = local.descriptions[each.key]
  role                           = aws_iam_role.function[each.key].arn
  runtime                        = "python3.13"
  architectures                  = [var.architecture]
  handler                        = "functions.aws.handler.${each.key}"
  filename                       = local.package
  source_code_hash               = filebase64sha256(local.package)
  memory_size                    = each.value.memory
  timeout                        = each.value.timeout
  reserved_concurrent_executions = each.value.concurrency == null ? -1 : each.value.concurrency

  environment {
    variables = merge(
      local.environment,
      { POWERTOOLS_SERVICE_NAME = each.key },
      each.key == "approve" ? {} : { for url in local.approve_url : "VIGIL_APPROVE_URL" => url },
    )
  }

  tracing_config {
    mode = "Active"
  }

  # Without the group a first line would make one that keeps logs for ever, unencrypted by our key.
  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.function]
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = var.functions

  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.data.arn
}

resource "aws_iam_role" "function" {
  for_each = var.functions

  name               = "${var.name}-${each.key}"
  description        = local.descriptions[each.key]
  assume_role_policy = data.aws_iam_policy_document.assumed_by["lambda"].json
}

resource "aws_iam_role_policy" "function" {
  for_each = aws_iam_role.function

  name   = "work"
  role   = each.value.name
  policy = local.rights[each.key]
}

data "aws_iam_policy_document" "assumed_by" {
  for_each = toset(["lambda", "scheduler"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.value}.amazonaws.com"]
    }

    dynamic "condition" {
      for_each = each.value == "scheduler" ? [local.account] : []

      content {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [condition.value]
      }
    }
  }
}

# What every function may: write its log and trace, keep state, append to the journal.
data "aws_iam_policy_document" "common" {
  for_each = var.functions

  statement {
    sid       = "WriteOwnLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
  }

  statement {
    sid       = "WriteTraces"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"] # X-Ray knows no narrower resource for these
  }

  statement {
    sid = "UseKey"
    actions = [
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:Encrypt",
      "kms:GenerateDataKey",
    ]
    resources = [aws_kms_key.data.arn]
  }

  # No delete: what is written stays until its time is up.
  statement {
    sid       = "KeepState"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
    resources = [aws_dynamodb_table.state.arn]
  }

  statement {
    sid       = "AppendToJournal"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.journal.arn}/*"]
  }

  statement {
    sid       = "FindEndOfJournal"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.journal.arn]
  }
}

# What those may that find or change something: tell people.
data "aws_iam_policy_document" "tell" {
  statement {
    sid       = "Alert"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alerts.arn]
  }

  statement {
    sid       = "SetAside"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.rejects.arn]
  }

  dynamic "statement" {
    for_each = var.webhooks_secret_arn[*]

    content {
      sid       = "ReadWebhooks"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value]
    }
  }
}

# What those may that look for trouble: order an action. It is judged by respond alone.
data "aws_iam_policy_document" "order" {
  statement {
    sid       = "OrderActions"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.work["respond"].arn]
  }
}

locals {
  descriptions = {
    detect  = "Reads log events, records findings, tells people, orders actions. Can change nothing."
    respond = "Judges and carries out ordered actions, with the rights of the enabled verbs alone."
    sweep   = "Reads back what the stream missed and looks at the state of resources. Can change nothing."
    approve = "Shows a held action to a person and puts it back on respond's queue when released."
  }
}

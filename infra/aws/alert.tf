# Who is told: one topic for findings, approvals and Vigil's own trouble, which is an alert as well.

resource "aws_sns_topic" "alerts" {
  name              = "${var.name}-alerts"
  kms_master_key_id = aws_kms_key.data.arn
}

resource "aws_sns_topic_policy" "alerts" {
  arn    = aws_sns_topic.alerts.arn
  policy = data.aws_iam_policy_document.alerts.json
}

data "aws_iam_policy_document" "alerts" {
  statement {
    sid       = "Alarms"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alerts.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [local.alarm_arns]
    }
  }

  statement {
    sid       = "OnlyEncrypted"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alerts.arn]

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
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.alert_emails

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = each.value
}

locals {
  functions = { for name, each in aws_lambda_function.this : name => { FunctionName = each.function_name } }

  # What must not pass unnoticed. Periods are seconds; `missing` is what silence means.
  alarms = merge(
    {
      for name, queue in local.queues : "${name}-not-empty" => {
        text       = "Messages lie in ${queue.name}: read them, mend the cause, then redrive or purge."
        namespace  = "AWS/SQS"
        metric     = "ApproximateNumberOfMessagesVisible"
        dimensions = { QueueName = queue.name }
        statistic  = "Maximum"
        over       = 0
        period     = 300
      } if !contains(["events", "respond"], name)
    },
    {
      for name in ["events", "respond"] : "${name}-late" => {
        text       = "The oldest message of ${var.name}-${name} waits longer than 15 minutes."
        namespace  = "AWS/SQS"
        metric     = "ApproximateAgeOfOldestMessage"
        dimensions = { QueueName = local.queues[name].name }
        statistic  = "Maximum"
        over       = 900
        period     = 300
      }
    },
    {
      for name, dimensions in local.functions : "${name}-errors" => {
        text       = "The ${name} function failed: see its log group."
        namespace  = "AWS/Lambda"
        metric     = "Errors"
        dimensions = dimensions
        statistic  = "Sum"
        over       = 0
        period     = 300
      }
    },
    {
      for name, dimensions in local.functions : "${name}-throttled" => {
        text       = "The ${name} function was refused an instance: raise its or the account's concurrency."
        namespace  = "AWS/Lambda"
        metric     = "Throttles"
        dimensions = dimensions
        statistic  = "Sum"
        over       = 0
        period     = 300
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "trouble" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.over
  period              = each.value.period
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}

locals {
  # What the sweep function counts when it is done -> how often it must, in minutes. Its invocations
  # would not do: it is called for either.
  regular = {
    sweeps    = var.sweep_minutes
    settlings = var.settle_minutes
  }
}

# Not looking is not the same as finding nothing: a sweep that did not finish is an alarm.
resource "aws_cloudwatch_metric_alarm" "missed" {
  for_each = local.regular

  alarm_name          = "${var.name}-${each.key}-missed"
  alarm_description   = "No ${trimsuffix(each.key, "s")} finished in the last two periods of ${each.value} minutes: see the sweep function's log group."
  namespace           = local.environment.POWERTOOLS_METRICS_NAMESPACE
  metric_name         = each.key
  dimensions          = { service = "sweep" }
  statistic           = "Sum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 60 * each.value
  evaluation_periods  = 2
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}

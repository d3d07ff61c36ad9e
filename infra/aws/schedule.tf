# The sweep: on a schedule, look at what is there, whatever the stream did or did not bring. And more
# often, a short call of the same function: let correlations decide what had to wait.

resource "aws_scheduler_schedule" "sweep" {
  name                = "${var.name}-sweep"
  description         = "Starts ${var.name}'s sweep."
  schedule_expression = "rate(${var.sweep_minutes} minutes)"
  kms_key_arn         = aws_kms_key.data.arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.this["sweep"].arn
    role_arn = aws_iam_role.scheduler.arn

    dead_letter_config {
      arn = aws_sqs_queue.dead["sweep"].arn
    }

    retry_policy {
      maximum_event_age_in_seconds = 60 * var.sweep_minutes
      maximum_retry_attempts       = 3
    }
  }
}

resource "aws_scheduler_schedule" "settle" {
  name                = "${var.name}-settle"
  description         = "Lets ${var.name}'s correlations decide what had to wait: silence, what came first, what did not follow."
  schedule_expression = "rate(${var.settle_minutes} ${var.settle_minutes == 1 ? "minute" : "minutes"})"
  kms_key_arn         = aws_kms_key.data.arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.this["sweep"].arn
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({ task = "settle" })

    dead_letter_config {
      arn = aws_sqs_queue.dead["sweep"].arn
    }

    # The next one makes up for it.
    retry_policy {
      maximum_event_age_in_seconds = 60 * var.settle_minutes
      maximum_retry_attempts       = 1
    }
  }
}

# The scheduler hands over and leaves; what then fails is retried by Lambda and ends up here.
resource "aws_lambda_function_event_invoke_config" "sweep" {
  function_name                = aws_lambda_function.this["sweep"].function_name
  maximum_event_age_in_seconds = 60 * var.sweep_minutes
  maximum_retry_attempts       = 1

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead["sweep"].arn
    }
  }
}

resource "aws_iam_role" "scheduler" {
  name               = "${var.name}-scheduler"
  description        = "Starts ${var.name}'s sweep on time."
  assume_role_policy = data.aws_iam_policy_document.assumed_by["scheduler"].json
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "work"
  role   = aws_iam_role.scheduler.name
  policy = data.aws_iam_policy_document.scheduler.json
}

data "aws_iam_policy_document" "scheduler" {
  statement {
    sid       = "StartSweep"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.this["sweep"].arn]
  }

  statement {
    sid       = "SetAside"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead["sweep"].arn]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.data.arn]
  }
}

# What sweep may look at, apart from the rest so that a plan shows it word by word.
resource "aws_iam_role_policy" "look" {
  name   = "look"
  role   = aws_iam_role.function["sweep"].name
  policy = data.aws_iam_policy_document.look.json
}

data "aws_iam_policy_document" "look" {
  statement {
    sid       = "Look"
    actions   = setunion(local.permissions["_sweep"], ["cloudtrail:LookupEvents"])
    resources = ["*"] # an inventory is of everything
  }
}

data "aws_iam_policy_document" "sweep" {
  source_policy_documents = [
    data.aws_iam_policy_document.common["sweep"].json,
    data.aws_iam_policy_document.tell.json,
    data.aws_iam_policy_document.order.json,
  ]

  statement {
    sid       = "ReportFailure"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead["sweep"].arn]
  }
}

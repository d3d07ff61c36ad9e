# What must outlive a run: the key, the table, the journal on write-once storage, the policy.

resource "aws_kms_key" "data" {
  description         = "Encrypts all that ${var.name} stores."
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "data" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.data.key_id
}

locals {
  # A service that puts messages on an encrypted queue or topic needs the key itself. It is let in
  # for our own queues and topic alone: they name themselves in the encryption context.
  key_users = merge(
    {
      Rules  = { service = "events.amazonaws.com", context = "sqs:arn", value = local.queue_arns }
      Alarms = { service = "cloudwatch.amazonaws.com", context = "sns:topicArn", value = local.topic_arn }
      Logs = {
        service = "logs.${local.region}.amazonaws.com"
        context = "logs:arn"
        value   = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/*/${var.name}-*"
      }
    },
    var.trail == null ? {} : {
      TrailFiles = { service = "s3.amazonaws.com", context = "sqs:arn", value = local.queue_arns }
      TrailTopic = { service = "sns.amazonaws.com", context = "sqs:arn", value = local.queue_arns }
    },
  )
}

data "aws_iam_policy_document" "key" {
  statement {
    sid       = "RolesOfThisAccount"
    actions   = ["kms:*"]
    resources = ["*"] # in a key's policy: this key

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  dynamic "statement" {
    for_each = local.key_users

    content {
      sid       = statement.key
      actions   = statement.key == "Logs" ? ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"] : ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = [statement.value.service]
      }

      condition {
        test     = "ArnLike"
        variable = "kms:EncryptionContext:aws:${statement.value.context}"
        values   = [statement.value.value]
      }
    }
  }
}

resource "aws_dynamodb_table" "state" {
  name                        = "${var.name}-state"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "kind"
  range_key                   = "id"
  deletion_protection_enabled = var.protect_data

  attribute {
    name = "kind"
    type = "S"
  }

  attribute {
    name = "id"
    type = "S"
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.data.arn
  }
}

resource "aws_s3_bucket" "journal" {
  bucket              = local.journal
  object_lock_enabled = true
  force_destroy       = !var.protect_data
}

resource "aws_s3_bucket_versioning" "journal" {
  bucket = aws_s3_bucket.journal.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_object_lock_configuration" "journal" {
  bucket = aws_s3_bucket_versioning.journal.bucket

  rule {
    default_retention {
      mode = var.journal.mode
      days = var.journal.days
    }
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "journal" {
  bucket = aws_s3_bucket.journal.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.data.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "journal" {
  bucket = aws_s3_bucket.journal.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "journal" {
  bucket = aws_s3_bucket.journal.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "journal" {
  bucket = aws_s3_bucket.journal.id
  policy = data.aws_iam_policy_document.journal.json

  # S3 refuses two changes to one bucket's access at the same time.
  depends_on = [aws_s3_bucket_public_access_block.journal]
}

# Three denials that hold for everybody in the account. Object Lock alone would still let a line be
# hidden by a delete marker, or shadowed by a second version of the same number.
data "aws_iam_policy_document" "journal" {
  dynamic "statement" {
    for_each = {
      OnlyEncrypted = {
        actions   = ["s3:*"]
        condition = { test = "Bool", variable = "aws:SecureTransport", value = "false" }
      }
      OnlyNewLines = {
        actions   = ["s3:PutObject"]
        condition = { test = "Null", variable = "s3:if-none-match", value = "true" }
      }
    }

    content {
      sid       = statement.key
      effect    = "Deny"
      actions   = statement.value.actions
      resources = statement.key == "OnlyEncrypted" ? [aws_s3_bucket.journal.arn, "${aws_s3_bucket.journal.arn}/*"] : ["${aws_s3_bucket.journal.arn}/*"]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = statement.value.condition.test
        variable = statement.value.condition.variable
        values   = [statement.value.condition.value]
      }
    }
  }

  statement {
    sid    = "NoDelete"
    effect = "Deny"
    actions = [
      "s3:BypassGovernanceRetention",
      "s3:DeleteObject",
      "s3:DeleteObjectVersion",
      "s3:PutObjectRetention",
    ]
    resources = ["${aws_s3_bucket.journal.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}

# Read afresh by every run of respond, so a change of policy needs no deploy.
resource "aws_ssm_parameter" "policy" {
  name        = "/${var.name}/policy"
  description = "What ${var.name} may do (core/config.py, Policy)."
  type        = "String"
  tier        = "Intelligent-Tiering"
  value       = jsonencode(merge(var.policy, { own = local.own }))
}

locals {
  # Globs over what is Vigil's: the guard refuses any action on it, whatever the policy says.
  own = [
    local.role_arns,
    "arn:${local.partition}:sts::${local.account}:assumed-role/${var.name}-*",
    local.journal_arn,
  ]
}

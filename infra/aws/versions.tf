# What this module is built with. No backend is named: state is the deployer's affair.

terraform {
  # 1.11 brought write-only arguments: the approval secret never enters the state.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  default_tags {
    tags = merge({ application = var.name }, var.tags)
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  # Names by pattern rather than by reference, where a reference would go round in a circle.
  alarm_arns  = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${var.name}-*"
  journal     = "${var.name}-journal-${local.account}-${local.region}"
  journal_arn = "arn:${local.partition}:s3:::${local.journal}"
  queue_arns  = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-*"
  role_arns   = "arn:${local.partition}:iam::${local.account}:role/${var.name}-*"
  rule_arns   = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${var.name}-*"
  topic_arn   = "arn:${local.partition}:sns:${local.region}:${local.account}:${var.name}-alerts"
}

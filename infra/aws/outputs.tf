# What an operator, the command line or a test needs to find.

output "alerts_topic" {
  description = "SNS topic of alerts; subscribe to it."
  value       = aws_sns_topic.alerts.arn
}

output "approve_url" {
  description = "Address of the approval page; null while no verb is enabled."
  value       = one(local.approve_url)
}

output "functions" {
  description = "Function names by what they do."
  value       = { for name, each in aws_lambda_function.this : name => each.function_name }
}

output "journal" {
  description = "Bucket of the audit journal."
  value       = aws_s3_bucket.journal.bucket
}

output "policy_parameter" {
  description = "SSM parameter that holds the response policy."
  value       = aws_ssm_parameter.policy.name
}

output "queues" {
  description = "Queue URLs by name. Those that end in -dead, and rejects, are read by operators only."
  value       = { for name, each in local.queues : name => each.url }
}

output "queue_arns" {
  description = "Queue ARNs by name; a trail bucket's notifications go to events."
  value       = { for name, each in local.queues : name => each.arn }
}

output "table" {
  description = "DynamoDB table of findings, actions and their state."
  value       = aws_dynamodb_table.state.name
}

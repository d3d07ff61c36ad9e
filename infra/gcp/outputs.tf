# What an operator, the command line or a test needs to find.

output "accounts" {
  description = "Service accounts of the functions, by what they do."
  value       = { for name, each in google_service_account.function : name => each.email }
}

output "alerts_topic" {
  description = "Topic of alerts; subscribe to it."
  value       = google_pubsub_topic.this["alerts"].id
}

output "approve_url" {
  description = "Address of the approval page; null while no verb is enabled."
  value       = one(local.approve_url)
}

output "database" {
  description = "Firestore database of findings, actions and their state."
  value       = google_firestore_database.state.name
}

output "functions" {
  description = "Function names by what they do."
  value       = { for name, each in google_cloudfunctions2_function.this : name => each.name }
}

output "journal" {
  description = "Bucket of the audit journal."
  value       = google_storage_bucket.journal.name
}

output "policy_secret" {
  description = "Secret that holds the response policy."
  value       = google_secret_manager_secret.this["policy"].id
}

output "project" {
  description = "Project that Vigil runs in."
  value       = var.project
}

output "subscriptions" {
  description = "Subscriptions by name. Those that end in -dead, and rejects, are read by operators only."
  value       = local.subscriptions
}

output "topics" {
  description = "Topics by name."
  value       = { for name, each in google_pubsub_topic.this : name => each.id }
}

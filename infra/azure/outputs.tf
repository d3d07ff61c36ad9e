# What an operator, the command line or a test needs to find.

output "approve_url" {
  description = "Address of the approval page; null while no verb is enabled."
  value       = local.approve_url
}

output "directory_rights" {
  description = "Function -> rights that only an administrator of the directory can give its identity (README)."
  value       = local.directory_rights
}

output "eventhub" {
  description = "Namespace and hub that logs come to; other diagnostic settings may send here too."
  value       = { namespace = azurerm_eventhub_namespace.logs.name, name = azurerm_eventhub.logs.name }
}

output "functions" {
  description = "Names of the function apps by what they do."
  value       = { for name, each in azurerm_function_app_flex_consumption.this : name => each.name }
}

output "identities" {
  description = "Object ids of the functions' identities by what they do."
  value       = { for name, each in azurerm_user_assigned_identity.function : name => each.principal_id }
}

output "journal" {
  description = "Container of the audit journal."
  value       = { endpoint = azurerm_storage_account.state.primary_blob_endpoint, container = azurerm_storage_container.journal.name }
}

output "policy_secret" {
  description = "Secret that holds the response policy."
  value       = { vault = azurerm_key_vault.this.vault_uri, name = azurerm_key_vault_secret.policy.name }
}

output "queues" {
  description = "Endpoint and names of the queues. Those that end in -poison, and rejects, are read by operators only."
  value       = { endpoint = azurerm_storage_account.state.primary_queue_endpoint, names = [for each in azurerm_storage_queue.work : each.name] }
}

output "table" {
  description = "Table of findings, actions and their state."
  value       = { endpoint = azurerm_storage_account.state.primary_table_endpoint, name = local.table }
}

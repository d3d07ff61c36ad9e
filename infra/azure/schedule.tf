# The sweep: on a schedule, look at what is there, whatever the stream did or did not bring.

locals {
  # Seconds, minutes, hours, ... At seven past, when a sweep is hourly: on the hour everybody calls.
  schedule = var.sweep_minutes == 60 ? "0 7 * * * *" : "0 */${var.sweep_minutes} * * * *"

  look = try(local.permissions["_sweep"], [])
}

# What sweep may look at, apart from the rest so that a plan shows it word by word.
resource "azurerm_role_definition" "look" {
  for_each = length(local.look) > 0 ? local.subscriptions : toset([])

  name              = "${var.name} look ${substr(sha256("${local.suffix}/${each.value}"), 0, 8)}"
  scope             = "/subscriptions/${each.value}"
  description       = "What ${var.name}'s sweep function reads."
  assignable_scopes = ["/subscriptions/${each.value}"]

  permissions {
    actions = [for right in local.look : right if !can(regex("^[a-z]+:", right))]
  }
}

resource "azurerm_role_assignment" "look" {
  for_each = azurerm_role_definition.look

  scope              = each.value.scope
  role_definition_id = each.value.role_definition_resource_id
  principal_id       = azurerm_user_assigned_identity.function["sweep"].principal_id
  principal_type     = "ServicePrincipal"
}

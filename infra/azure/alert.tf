# Vigil's own trouble, which is an alert as well. Findings go to the alerts queue and, where they are
# named, to webhooks and Sentinel: that is the functions' affair.

resource "azurerm_log_analytics_workspace" "this" {
  name                         = var.name
  resource_group_name          = azurerm_resource_group.this.name
  location                     = azurerm_resource_group.this.location
  sku                          = "PerGB2018"
  retention_in_days            = var.log_retention_days
  local_authentication_enabled = false
  tags                         = local.tags
}

resource "azurerm_application_insights" "this" {
  name                          = var.name
  resource_group_name           = azurerm_resource_group.this.name
  location                      = azurerm_resource_group.this.location
  application_type              = "other"
  workspace_id                  = azurerm_log_analytics_workspace.this.id
  local_authentication_disabled = true
  tags                          = local.tags
}

resource "azurerm_monitor_action_group" "people" {
  name                = var.name
  resource_group_name = azurerm_resource_group.this.name
  short_name          = local.short
  tags                = local.tags

  dynamic "email_receiver" {
    for_each = var.alert_emails

    content {
      name                    = email_receiver.value
      email_address           = email_receiver.value
      use_common_alert_schema = true
    }
  }
}

locals {
  # What must not pass unnoticed, as questions to the functions' own log.
  alarms = {
    failed = {
      text   = "A function of ${var.name} failed; its input comes again or lies in a queue that ends in -poison."
      query  = "AppRequests | where Success == false"
      over   = 0
      window = "PT15M"
    }
    set-aside = {
      text   = "Input was set aside: read the queue rejects, mend the cause, then put it back or delete it."
      query  = "AppTraces | where Message has 'set aside' or Message has 'MaxDequeueCount'"
      over   = 0
      window = "PT15M"
    }
  }
}

resource "azurerm_monitor_scheduled_query_rules_alert_v2" "trouble" {
  for_each = local.alarms

  name                 = "${var.name}-${each.key}"
  resource_group_name  = azurerm_resource_group.this.name
  location             = azurerm_resource_group.this.location
  description          = each.value.text
  scopes               = [azurerm_log_analytics_workspace.this.id]
  severity             = 2
  evaluation_frequency = "PT5M"
  window_duration      = each.value.window
  tags                 = local.tags

  # The tables are there once a function has run.
  skip_query_validation = true

  criteria {
    query                   = each.value.query
    operator                = "GreaterThan"
    threshold               = each.value.over
    time_aggregation_method = "Count"
  }

  action {
    action_groups = [azurerm_monitor_action_group.people.id]
  }
}

# Not looking is not the same as finding nothing: a sweep that did not run is an alarm.
resource "azurerm_monitor_scheduled_query_rules_alert_v2" "sweep_missed" {
  name                  = "${var.name}-sweep-missed"
  resource_group_name   = azurerm_resource_group.this.name
  location              = azurerm_resource_group.this.location
  description           = "No sweep of ${var.name} ended well in the last three hours."
  scopes                = [azurerm_log_analytics_workspace.this.id]
  severity              = 1
  evaluation_frequency  = "PT30M"
  window_duration       = "PT3H"
  skip_query_validation = true
  tags                  = local.tags

  criteria {
    query                   = "AppRequests | where AppRoleName == '${local.apps["sweep"]}' and Success == true"
    operator                = "LessThan"
    threshold               = 1
    time_aggregation_method = "Count"
  }

  action {
    action_groups = [azurerm_monitor_action_group.people.id]
  }
}

# Log -> hub. The Activity Log and Entra's logs come to one Event Hub; whatever comes twice, by Event
# Grid too, is one finding: its id is made from its content.

locals {
  hubs = {
    public       = "servicebus.windows.net"
    usgovernment = "servicebus.usgovcloudapi.net"
    china        = "servicebus.chinacloudapi.cn"
  }

  # Of the Activity Log, what tells who did what. Health, scaling and advice are left out.
  activity = ["Administrative", "Policy", "Security"]

  # Name of every diagnostic setting made here.
  setting = "${var.name}-${local.suffix}"
}

resource "azurerm_eventhub_namespace" "logs" {
  name                = "${var.name}-${local.suffix}"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  sku                 = "Standard"
  capacity            = 1
  minimum_tls_version = "1.2"
  tags                = local.tags

  # A busy hour of sign-ins is many times a quiet one.
  auto_inflate_enabled     = true
  maximum_throughput_units = 10

  # Azure Monitor sends with a key of the rule below, and with nothing else.
  local_authentication_enabled = true
}

resource "azurerm_eventhub" "logs" {
  name            = "logs"
  namespace_id    = azurerm_eventhub_namespace.logs.id
  partition_count = var.partitions

  retention_description {
    cleanup_policy          = "Delete"
    retention_time_in_hours = 168
  }
}

# Azure Monitor asks for all three, though it only sends.
resource "azurerm_eventhub_namespace_authorization_rule" "monitor" {
  name                = "monitor"
  namespace_name      = azurerm_eventhub_namespace.logs.name
  resource_group_name = azurerm_resource_group.this.name
  listen              = true
  send                = true
  manage              = true
}

resource "azurerm_monitor_diagnostic_setting" "activity" {
  for_each = merge(
    { for id in local.subscriptions : id => "/subscriptions/${id}" },
    { for id in var.management_groups : id => "/providers/Microsoft.Management/managementGroups/${id}" },
  )

  name                           = local.setting
  target_resource_id             = each.value
  eventhub_authorization_rule_id = azurerm_eventhub_namespace_authorization_rule.monitor.id
  eventhub_name                  = azurerm_eventhub.logs.name

  dynamic "enabled_log" {
    for_each = local.activity

    content {
      category = enabled_log.value
    }
  }
}

resource "azurerm_monitor_aad_diagnostic_setting" "entra" {
  count = length(var.entra) > 0 ? 1 : 0

  name                           = local.setting
  eventhub_authorization_rule_id = azurerm_eventhub_namespace_authorization_rule.monitor.id
  eventhub_name                  = azurerm_eventhub.logs.name

  dynamic "enabled_log" {
    for_each = var.entra

    content {
      category = enabled_log.value
    }
  }
}

# The fast lane: what was written or deleted, within seconds, without what was asked.
resource "azurerm_eventgrid_system_topic" "subscription" {
  count = var.fast_lane ? 1 : 0

  name                = var.name
  resource_group_name = azurerm_resource_group.this.name
  location            = "Global"
  source_resource_id  = "/subscriptions/${local.home}"
  topic_type          = "Microsoft.Resources.Subscriptions"
  tags                = local.tags
}

resource "azurerm_eventgrid_system_topic_event_subscription" "detect" {
  count = var.fast_lane ? 1 : 0

  name                = "detect"
  resource_group_name = azurerm_resource_group.this.name
  system_topic        = azurerm_eventgrid_system_topic.subscription[0].name
  included_event_types = [
    "Microsoft.Resources.ResourceActionSuccess",
    "Microsoft.Resources.ResourceDeleteSuccess",
    "Microsoft.Resources.ResourceWriteSuccess",
  ]

  azure_function_endpoint {
    function_id                       = "${azurerm_function_app_flex_consumption.this["detect"].id}/functions/notice"
    max_events_per_batch              = 1
    preferred_batch_size_in_kilobytes = 64
  }

  # The complete lane brings what this one drops, so nothing is kept for long.
  retry_policy {
    event_time_to_live    = 60
    max_delivery_attempts = 10
  }
}

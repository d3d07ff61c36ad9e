# Four functions from one zip, each an app of its own: an app's rights are those of its identity, so
# what may change something shares neither identity nor storage with what reads the logs.

locals {
  # With no verb enabled there is nothing to approve, and no page on the internet.
  functions = {
    for name, each in var.functions : name => each
    if name != "approve" || length(var.enabled_verbs) > 0
  }

  apps        = { for name in keys(var.functions) : name => "${var.name}-${name}-${local.suffix}" }
  sites       = { public = "azurewebsites.net", usgovernment = "azurewebsites.us", china = "chinacloudsites.cn" }
  approve_url = length(var.enabled_verbs) > 0 ? "https://${local.apps["approve"]}.${local.sites[var.cloud]}/approve" : null

  settings = merge(
    {
      VIGIL_ACTIONS       = azurerm_storage_queue.work["actions"].name
      VIGIL_ALERTS        = azurerm_storage_queue.work["alerts"].name
      VIGIL_BLOBS         = trimsuffix(azurerm_storage_account.state.primary_blob_endpoint, "/")
      VIGIL_CLOUD         = var.cloud
      VIGIL_EVENTHUB_NAME = azurerm_eventhub.logs.name
      VIGIL_JOURNAL       = azurerm_storage_container.journal.name
      VIGIL_POLICY        = azurerm_key_vault_secret.policy.name
      VIGIL_QUEUES        = trimsuffix(azurerm_storage_account.state.primary_queue_endpoint, "/")
      VIGIL_REDO          = azurerm_storage_queue.work["redo"].name
      VIGIL_REJECTS       = azurerm_storage_queue.work["rejects"].name
      VIGIL_RULEBOOK      = "rulebook.json"
      VIGIL_SUBSCRIPTION  = join(",", local.subscriptions)
      VIGIL_TABLE         = local.table
      VIGIL_TABLES        = trimsuffix(azurerm_storage_account.state.primary_table_endpoint, "/")
      VIGIL_TENANT        = local.tenant
      VIGIL_VAULT         = trimsuffix(azurerm_key_vault.this.vault_uri, "/")

      VIGIL_APPROVE_SECRET = azurerm_key_vault_secret.approve.name
      VIGIL_SWEEP_SCHEDULE = local.schedule
    },
    var.webhooks_secret == null ? {} : { VIGIL_WEBHOOKS = var.webhooks_secret },
    var.sentinel == null ? {} : {
      VIGIL_SENTINEL_ENDPOINT = var.sentinel.endpoint
      VIGIL_SENTINEL_RULE     = var.sentinel.rule
      VIGIL_SENTINEL_STREAM   = var.sentinel.stream
    },
  )

  # What starts a function is read with its identity; no connection string exists.
  triggers = {
    detect = {
      VIGIL_EVENTHUB__fullyQualifiedNamespace = "${azurerm_eventhub_namespace.logs.name}.${local.hubs[var.cloud]}"
      VIGIL_ACTIONS_STORAGE__queueServiceUri  = trimsuffix(azurerm_storage_account.state.primary_queue_endpoint, "/")
    }
    respond = {
      VIGIL_ACTIONS_STORAGE__queueServiceUri = trimsuffix(azurerm_storage_account.state.primary_queue_endpoint, "/")
    }
    sweep   = {}
    approve = {}
  }

  app_settings = {
    for name in keys(local.functions) : name => merge(
      local.settings,
      local.triggers[name],
      {
        VIGIL_FUNCTION                            = name
        AZURE_CLIENT_ID                           = azurerm_user_assigned_identity.function[name].client_id
        AzureWebJobsStorage__accountName          = azurerm_storage_account.host[name].name
        APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "ClientId=${azurerm_user_assigned_identity.function[name].client_id};Authorization=AAD"
      },
      { for connection in local.connections[name] : "${connection}__credential" => "managedidentity" },
      {
        for connection in local.connections[name] :
        "${connection}__clientId" => azurerm_user_assigned_identity.function[name].client_id
      },
      name == "approve" ? {} : { for url in local.approve_url[*] : "VIGIL_APPROVE_URL" => url },
      # host.json ends a function before its leases do; a sweep holds each for a moment only.
      name == "sweep" ? { AzureFunctionsJobHost__functionTimeout = "00:10:00" } : {},
    )
  }

  connections = {
    detect  = ["AzureWebJobsStorage", "VIGIL_EVENTHUB", "VIGIL_ACTIONS_STORAGE"]
    respond = ["AzureWebJobsStorage", "VIGIL_ACTIONS_STORAGE"]
    sweep   = ["AzureWebJobsStorage"]
    approve = ["AzureWebJobsStorage"]
  }
}

resource "azurerm_resource_group" "this" {
  name     = var.name
  location = var.location
  tags     = local.tags
}

# An identity is there before its app, and stays after it: the lock on the state's account keeps
# assignments on it as well, so enabling and disabling verbs must take none away.
resource "azurerm_user_assigned_identity" "function" {
  for_each = var.functions

  name                = "${var.name}-${each.key}"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  tags                = local.tags
}

# A plan of Flex Consumption holds one app. It costs nothing while nothing runs.
resource "azurerm_service_plan" "function" {
  for_each = local.functions

  name                = "${var.name}-${each.key}"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  os_type             = "Linux"
  sku_name            = "FC1"
  tags                = local.tags
}

# The host's own account: the package, leases, checkpoints. One for each app, as whoever owns it could
# put another package in it.
resource "azurerm_storage_account" "host" {
  for_each = local.functions

  name                            = "${local.short}${substr(each.key, 0, 7)}${local.suffix}"
  resource_group_name             = azurerm_resource_group.this.name
  location                        = azurerm_resource_group.this.location
  account_kind                    = "StorageV2"
  account_tier                    = "Standard"
  account_replication_type        = "LRS"
  min_tls_version                 = "TLS1_2"
  shared_access_key_enabled       = false
  default_to_oauth_authentication = true
  allow_nested_items_to_be_public = false
  local_user_enabled              = false
  tags                            = local.tags
}

resource "azurerm_storage_container" "package" {
  for_each = local.functions

  name               = "package"
  storage_account_id = azurerm_storage_account.host[each.key].id
}

resource "azurerm_role_assignment" "host" {
  for_each = local.functions

  scope                = azurerm_storage_account.host[each.key].id
  role_definition_name = "Storage Blob Data Owner"
  principal_id         = azurerm_user_assigned_identity.function[each.key].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_function_app_flex_consumption" "this" {
  for_each = local.functions

  name                = local.apps[each.key]
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  service_plan_id     = azurerm_service_plan.function[each.key].id

  # Flex Consumption is the only plan without servers that runs Python 3.13.
  runtime_name           = "python"
  runtime_version        = "3.13"
  instance_memory_in_mb  = each.value.memory
  maximum_instance_count = each.value.instances

  storage_container_type            = "blobContainer"
  storage_container_endpoint        = "${azurerm_storage_account.host[each.key].primary_blob_endpoint}${azurerm_storage_container.package[each.key].name}"
  storage_authentication_type       = "UserAssignedIdentity"
  storage_user_assigned_identity_id = azurerm_user_assigned_identity.function[each.key].id

  https_only = true
  tags       = local.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.function[each.key].id]
  }

  app_settings = local.app_settings[each.key]

  site_config {
    application_insights_connection_string = azurerm_application_insights.this.connection_string
    minimum_tls_version                    = "1.3"
    http2_enabled                          = true

    # Only the approval page is for people. What starts the others is fetched by them, not sent; Event
    # Grid, which does send, comes from its own addresses.
    ip_restriction_default_action = each.key == "approve" ? "Allow" : "Deny"

    dynamic "ip_restriction" {
      for_each = each.key == "detect" && var.fast_lane ? ["AzureEventGrid"] : []

      content {
        name        = "event-grid"
        action      = "Allow"
        priority    = 100
        service_tag = ip_restriction.value
      }
    }
  }

  # An app that starts before its rights are there waits for them for minutes.
  depends_on = [azurerm_role_assignment.host, azurerm_role_assignment.work]
}

# The provider adds a setting AzureWebJobsStorage, a connection string without a key, to every app that
# uses an identity; the host then takes that and finds no storage, and an empty one is no better
# (docs/decisions/0096). So the settings are written once more, by ARM, as they are meant: all of
# them, since ARM takes the list as a whole.
resource "azurerm_resource_group_template_deployment" "settings" {
  for_each = local.functions

  name                = "${azurerm_function_app_flex_consumption.this[each.key].name}-settings"
  resource_group_name = azurerm_resource_group.this.name
  deployment_mode     = "Incremental"

  template_content = jsonencode({
    "$schema"      = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    contentVersion = "1.0.0.0"
    resources = [{
      type       = "Microsoft.Web/sites/config"
      apiVersion = "2023-12-01"
      name       = "${azurerm_function_app_flex_consumption.this[each.key].name}/appsettings"
      properties = merge(local.app_settings[each.key], {
        APPLICATIONINSIGHTS_CONNECTION_STRING = azurerm_application_insights.this.connection_string
      })
    }]
  })

  lifecycle {
    # Whenever the provider writes the app it writes that setting too.
    replace_triggered_by = [azurerm_function_app_flex_consumption.this[each.key]]
  }
}

# What every function may with the state, each on what it needs alone.
locals {
  queue_readers = { detect = ["redo"], respond = ["actions"], sweep = [], approve = [] }
  queue_writers = {
    detect  = ["actions", "alerts", "redo", "redo-poison", "rejects"]
    respond = ["actions-poison", "alerts", "rejects"]
    sweep   = ["actions", "alerts", "rejects"]
    approve = ["actions"]
  }

  # No built-in role keeps a table without deleting from it, or writes blobs without deleting them:
  # `own` are the ones that state.tf makes. Sweep alone clears away what expired.
  work = merge(
    {
      for name in keys(var.functions) : "${name}/journal" => {
        function = name
        scope    = local.journal_id
        own      = azurerm_role_definition.append.role_definition_resource_id
      }
    },
    {
      for name in keys(var.functions) : "${name}/state" => {
        function = name
        scope    = local.table_id
        own      = azurerm_role_definition.keep[name == "sweep" ? "clear" : "keep"].role_definition_resource_id
      }
    },
    {
      for name in keys(var.functions) : "${name}/telemetry" => {
        function = name
        scope    = azurerm_application_insights.this.id
        role     = "Monitoring Metrics Publisher"
      }
    },
    {
      for each in flatten([
        for name in keys(var.functions) : [
          for queue in local.queue_readers[name] : { function = name, queue = queue }
        ]
        ]) : "${each.function}/reads ${each.queue}" => {
        function = each.function
        scope    = azurerm_storage_queue.work[each.queue].resource_manager_id
        role     = "Storage Queue Data Message Processor"
      }
    },
    {
      for each in flatten([
        for name in keys(var.functions) : [
          for queue in local.queue_readers[name] : { function = name, queue = queue }
        ]
        ]) : "${each.function}/counts ${each.queue}" => {
        function = each.function
        scope    = azurerm_storage_queue.work[each.queue].resource_manager_id
        role     = "Storage Queue Data Reader"
      }
    },
    {
      for each in flatten([
        for name in keys(var.functions) : [
          for queue in local.queue_writers[name] : { function = name, queue = queue }
        ]
        ]) : "${each.function}/writes ${each.queue}" => {
        function = each.function
        scope    = azurerm_storage_queue.work[each.queue].resource_manager_id
        role     = "Storage Queue Data Message Sender"
      }
    },
    {
      "detect/logs" = {
        function = "detect"
        scope    = azurerm_eventhub.logs.id
        role     = "Azure Event Hubs Data Receiver"
      }
      "respond/policy" = {
        function = "respond"
        scope    = azurerm_key_vault_secret.policy.resource_versionless_id
        role     = "Key Vault Secrets User"
      }
      "approve/approvals" = {
        function = "approve"
        scope    = azurerm_key_vault_secret.approve.resource_versionless_id
        role     = "Key Vault Secrets User"
      }
      "respond/approvals" = {
        function = "respond"
        scope    = azurerm_key_vault_secret.approve.resource_versionless_id
        role     = "Key Vault Secrets User"
      }
    },
    var.webhooks_secret == null ? {} : {
      for name in ["detect", "respond", "sweep"] : "${name}/webhooks" => {
        function = name
        scope    = "${azurerm_key_vault.this.id}/secrets/${var.webhooks_secret}"
        role     = "Key Vault Secrets User"
      }
    },
    var.sentinel == null ? {} : {
      for name in ["detect", "respond", "sweep"] : "${name}/sentinel" => {
        function = name
        scope    = var.sentinel.rule_id
        role     = "Monitoring Metrics Publisher"
      }
    },
  )
}

resource "azurerm_role_assignment" "work" {
  for_each = local.work

  scope                = each.value.scope
  role_definition_id   = try(each.value.own, null)
  role_definition_name = try(each.value.role, null)
  principal_id         = azurerm_user_assigned_identity.function[each.value.function].principal_id
  principal_type       = "ServicePrincipal"

  depends_on = [azurerm_resource_group_template_deployment.table]
}

# What must outlive a run: the table, the queues, the journal on write-once storage, the vault.

resource "azurerm_storage_account" "state" {
  name                            = "${local.short}state${local.suffix}"
  resource_group_name             = azurerm_resource_group.this.name
  location                        = azurerm_resource_group.this.location
  account_kind                    = "StorageV2"
  account_tier                    = "Standard"
  account_replication_type        = "ZRS"
  min_tls_version                 = "TLS1_2"
  shared_access_key_enabled       = false
  default_to_oauth_authentication = true
  allow_nested_items_to_be_public = false
  local_user_enabled              = false
  tags                            = local.tags

  blob_properties {
    versioning_enabled = true

    delete_retention_policy {
      days = 30
    }

    container_delete_retention_policy {
      days = 30
    }
  }
}

locals {
  table    = "state"
  table_id = "${azurerm_storage_account.state.id}/tableServices/default/tables/${local.table}"

  journal_id = "${azurerm_storage_account.state.id}/blobServices/default/containers/${azurerm_storage_container.journal.name}"
}

# The provider makes tables by the storage API, which wants a key; ARM makes them without.
resource "azurerm_resource_group_template_deployment" "table" {
  name                = "${var.name}-table"
  resource_group_name = azurerm_resource_group.this.name
  deployment_mode     = "Incremental"

  template_content = jsonencode({
    "$schema"      = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    contentVersion = "1.0.0.0"
    resources = [{
      type       = "Microsoft.Storage/storageAccounts/tableServices/tables"
      apiVersion = "2023-05-01"
      name       = "${azurerm_storage_account.state.name}/default/${local.table}"
    }]
  })
}

resource "azurerm_storage_queue" "work" {
  # The host sets aside in -poison what failed five times; nothing reads those, or rejects, but people.
  for_each = toset(["actions", "actions-poison", "alerts", "redo", "redo-poison", "rejects"])

  name               = each.value
  storage_account_id = azurerm_storage_account.state.id
}

resource "azurerm_storage_container" "journal" {
  name               = "journal"
  storage_account_id = azurerm_storage_account.state.id
}

# A line can be neither changed nor deleted before its days are over. Not locked, an owner can still
# lift that for the whole container, and the Activity Log says who did.
resource "azurerm_storage_container_immutability_policy" "journal" {
  storage_container_resource_manager_id = local.journal_id
  immutability_period_in_days           = var.journal.days
  locked                                = var.journal.locked
  protected_append_writes_enabled       = false

  depends_on = [azurerm_storage_container.journal]
}

# Append: a new blob, and reading. Overwriting needs the same right, and the policy above forbids it.
# Data actions: https://learn.microsoft.com/azure/role-based-access-control/permissions/storage
resource "azurerm_role_definition" "append" {
  name              = "${var.name} append ${local.suffix}"
  scope             = azurerm_resource_group.this.id
  description       = "Write new lines of ${var.name}'s journal and read them."
  assignable_scopes = [azurerm_resource_group.this.id]

  permissions {
    actions = ["Microsoft.Storage/storageAccounts/blobServices/containers/read"]
    data_actions = [
      "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action",
      "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
      "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
    ]
  }
}

resource "azurerm_role_definition" "keep" {
  for_each = { keep = [], clear = ["delete"] }

  name              = "${var.name} ${each.key} ${local.suffix}"
  scope             = azurerm_resource_group.this.id
  description       = "Read and write ${var.name}'s state${each.key == "clear" ? ", and delete what expired" : ""}."
  assignable_scopes = [azurerm_resource_group.this.id]

  permissions {
    data_actions = [
      for action in concat(["add/action", "read", "update/action", "write"], each.value) :
      "Microsoft.Storage/storageAccounts/tableServices/tables/entities/${action}"
    ]
  }
}

# While it is there nobody deletes the account, nor anything in it by ARM, this module included.
resource "azurerm_management_lock" "state" {
  count = var.protect_data ? 1 : 0

  name       = "keep"
  scope      = azurerm_storage_account.state.id
  lock_level = "CanNotDelete"
  notes      = "Findings and audit journal of ${var.name}: set protect_data to false and apply before a destroy."
}

resource "azurerm_key_vault" "this" {
  name                       = "${local.short}-${local.suffix}"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = azurerm_resource_group.this.location
  tenant_id                  = local.tenant
  sku_name                   = "standard"
  rbac_authorization_enabled = true
  purge_protection_enabled   = var.protect_data
  soft_delete_retention_days = 90
  tags                       = local.tags
}

# Whoever applies this writes the two secrets below.
resource "azurerm_role_assignment" "deployer" {
  scope                = azurerm_key_vault.this.id
  role_definition_name = "Key Vault Secrets Officer"
  principal_id         = data.azurerm_client_config.current.object_id
}

# Read afresh by every run of respond, so a change of policy needs no deploy.
resource "azurerm_key_vault_secret" "policy" {
  name         = "policy"
  key_vault_id = azurerm_key_vault.this.id
  content_type = "application/json"
  value        = jsonencode(merge(var.policy, { own = local.own }))

  depends_on = [azurerm_role_assignment.deployer]
}

# Made while applying and written without passing through plan or state. Two random UUIDs hold 244
# bits that nobody can guess.
resource "azurerm_key_vault_secret" "approve" {
  name             = "approve"
  key_vault_id     = azurerm_key_vault.this.id
  content_type     = "text/plain"
  value_wo         = "${uuid()}${uuid()}"
  value_wo_version = 1 # raise it to change the key: links that are out stop working

  depends_on = [azurerm_role_assignment.deployer]
}

locals {
  # Globs over what is Vigil's: the guard refuses any action on it, whatever the policy says.
  own = concat(
    [
      "${azurerm_resource_group.this.id}/*",
      "/subscriptions/*/providers/microsoft.insights/diagnosticsettings/${var.name}-${local.suffix}",
      "/providers/microsoft.aadiam/diagnosticsettings/${var.name}-${local.suffix}",
    ],
    [for each in azurerm_user_assigned_identity.function : each.principal_id],
  )
}

# What this module is built with. No backend is named: state is the deployer's affair.

terraform {
  # 1.11 brought write-only arguments: the approval secret never enters the state.
  required_version = ">= 1.11"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.55"
    }
  }
}

# The subscription that Vigil lives in comes from ARM_SUBSCRIPTION_ID.
provider "azurerm" {
  # No storage account here has keys that work.
  storage_use_azuread = true

  features {
    # What is put on write-once storage outlives a careless destroy.
    resource_group {
      prevent_deletion_if_contains_resources = true
    }

    # Taking a deployment away must not take the settings or the table with it.
    template_deployment {
      delete_nested_items_during_deletion = false
    }

    storage {
      # Accounts, containers and queues are made by ARM alone, so the deployer needs no right on data.
      data_plane_available = false
    }
  }
}

data "azurerm_client_config" "current" {}

locals {
  tenant = data.azurerm_client_config.current.tenant_id
  home   = data.azurerm_client_config.current.subscription_id

  # What is watched, and what may be acted in: the same.
  subscriptions = length(var.subscriptions) > 0 ? var.subscriptions : toset([local.home])

  # Names of accounts, vaults and apps are the world's; this part of them is the deployment's own.
  suffix = substr(sha256("${local.home}/${var.name}"), 0, 8)
  short  = substr(replace(var.name, "-", ""), 0, 8)
  tags   = merge({ application = var.name }, var.tags)
}

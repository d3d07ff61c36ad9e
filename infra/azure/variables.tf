# All that a deployer may choose. The defaults watch, tell and change nothing.

variable "alert_emails" {
  description = "Addresses that are told of Vigil's own trouble; findings go to the queue, webhooks and Sentinel."
  type        = set(string)
  default     = []
}

variable "cloud" {
  description = "Cloud of Azure, as ARM_ENVIRONMENT names it: public, usgovernment or china."
  type        = string
  default     = "public"

  validation {
    condition     = contains(["public", "usgovernment", "china"], var.cloud)
    error_message = "cloud is public, usgovernment or china."
  }
}

variable "enabled_verbs" {
  description = <<-EOT
    Verbs whose rights the respond function gets: keys of functions/azure/permissions.json.
    A verb runs only if it is here and policy.verbs says so; with neither, nothing can be changed.
    Rights in the directory (output directory_rights) are granted apart, by whoever may.
  EOT
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.enabled_verbs, local.known_verbs)) == 0
    error_message = "enabled_verbs holds a verb that functions/azure/permissions.json does not know."
  }
}

variable "entra" {
  description = <<-EOT
    Categories of Entra's logs to watch; empty: none. Needs a deployer who is Security Administrator,
    and for sign-ins a tenant with Entra ID P1. One deployment of a tenant is enough.
  EOT
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.entra : can(regex("^[A-Z][A-Za-z0-9]+$", each))])
    error_message = "A category of Entra is one word, such as AuditLogs or SignInLogs."
  }
}

variable "fast_lane" {
  description = <<-EOT
    Subscribe detect to Event Grid as well: notices of a subscription come within seconds, where the
    Activity Log takes minutes. They lack what was asked and answered. Only the home subscription, and
    only once the package is on the app: Azure asks the function whether it is there.
  EOT
  type        = bool
  default     = false
}

variable "functions" {
  description = "Size of each function: memory in MB (512, 2048 or 4096) and how many instances at most."
  type = object({
    detect  = optional(object({ memory = optional(number, 2048), instances = optional(number, 40) }), {})
    respond = optional(object({ memory = optional(number, 512), instances = optional(number, 40) }), {})
    sweep   = optional(object({ memory = optional(number, 512), instances = optional(number, 40) }), {})
    approve = optional(object({ memory = optional(number, 512), instances = optional(number, 40) }), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for each in values(var.functions) : contains([512, 2048, 4096], each.memory)])
    error_message = "A function's memory is 512, 2048 or 4096 MB."
  }

  validation {
    condition     = alltrue([for each in values(var.functions) : each.instances >= 1 && each.instances <= 1000])
    error_message = "A function's instances are 1 to 1000."
  }
}

variable "journal" {
  description = <<-EOT
    How long audit records can't be changed or deleted, from the day they are written.
    locked = true: nobody can shorten that any more, not even Microsoft, and neither the container nor
    its account can be destroyed before. There is no way back; try without it first.
  EOT
  type = object({
    days   = optional(number, 365)
    locked = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.journal.days >= 1 && var.journal.days <= 146000
    error_message = "journal.days is 1 to 146000."
  }
}

variable "location" {
  description = "Region of all that is made here, one with Flex Consumption."
  type        = string
}

variable "log_retention_days" {
  description = "Days that the functions' own logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = var.log_retention_days >= 30 && var.log_retention_days <= 730
    error_message = "log_retention_days is 30 to 730."
  }
}

variable "management_groups" {
  description = "Management groups whose own Activity Log is watched too: ids, such as the tenant's."
  type        = set(string)
  default     = []
}

variable "name" {
  description = "Prefix of every name; two deployments in one subscription need two."
  type        = string
  default     = "vigil"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.name))
    error_message = "name is 2 to 20 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "partitions" {
  description = "Partitions of the Event Hub: how many instances of detect can read at a time."
  type        = number
  default     = 4

  validation {
    condition     = var.partitions >= 1 && var.partitions <= 32
    error_message = "partitions is 1 to 32."
  }
}

variable "policy" {
  description = <<-EOT
    What may be done (core/config.py, Policy). verbs: verb -> mode off, rehearse, approve or auto,
    and the lowest finding level that leads to it. protected: globs over identities (object ids, user
    names) and resource ids that nothing may touch; name the break-glass users here before any verb
    is enabled. accounts: ids of subscriptions, and of the tenant for what is in the directory.
  EOT
  type = object({
    enabled = optional(bool, true)
    verbs = optional(map(object({
      mode      = optional(string, "off")
      min_level = optional(string, "high")
    })), {})
    protected             = optional(set(string), [])
    accounts              = optional(set(string), [])
    max_actions_per_hour  = optional(number, 10)
    max_repeats_per_day   = optional(number, 2)
    max_event_age_minutes = optional(number, 60)
    experimental          = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.policy.verbs), local.known_verbs)) == 0
    error_message = "policy.verbs holds a verb that functions/azure/permissions.json does not know."
  }

  validation {
    condition = alltrue([
      for each in values(var.policy.verbs) : contains(["off", "rehearse", "approve", "auto"], each.mode)
    ])
    error_message = "A verb's mode is off, rehearse, approve or auto."
  }

  validation {
    condition = alltrue([
      for each in values(var.policy.verbs) :
      contains(["informational", "low", "medium", "high", "critical"], each.min_level)
    ])
    error_message = "A verb's min_level is informational, low, medium, high or critical."
  }

  validation {
    condition = alltrue([
      for verb, each in var.policy.verbs :
      contains(["off", "rehearse"], each.mode) || contains(var.enabled_verbs, verb)
    ])
    error_message = "A verb in mode approve or auto must be in enabled_verbs too, or its role lacks the rights."
  }
}

variable "protect_data" {
  description = "Keep `terraform destroy` from deleting the account of findings and journal, and the vault."
  type        = bool
  default     = true
}

variable "sentinel" {
  description = "Where findings go in Microsoft Sentinel: endpoint and rule of data collection, and its stream."
  type = object({
    endpoint = string
    rule     = string
    rule_id  = string
    stream   = optional(string, "Custom-VigilFindings")
  })
  default = null
}

variable "subscriptions" {
  description = "Ids of the subscriptions that are watched and may be acted in; empty: the one Vigil lives in."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.subscriptions : can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", each))])
    error_message = "A subscription is named by its id, in lower case."
  }
}

variable "sweep_minutes" {
  description = "Minutes between two sweeps: a part of an hour."
  type        = number
  default     = 60

  validation {
    condition     = contains([5, 10, 15, 20, 30, 60], var.sweep_minutes)
    error_message = "sweep_minutes is 5, 10, 15, 20, 30 or 60."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}

variable "webhooks_secret" {
  description = "Name of a secret in Vigil's vault with a JSON list of webhooks (core/config.py, Webhook)."
  type        = string
  default     = null
}

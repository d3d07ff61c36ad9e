# All that a deployer may choose. The defaults watch, tell and change nothing.

variable "accounts" {
  description = <<-EOT
    What Vigil may look at and change beside its own project: ids of projects, `folders/1` or
    `organizations/1`. Findings come from all that is watched; actions and the sweep keep to these.
  EOT
  type        = set(string)
  default     = []
}

variable "alert_emails" {
  description = "Addresses that are told by mail that there is an alert, and of Vigil's own trouble."
  type        = set(string)
  default     = []
}

variable "enabled_verbs" {
  description = <<-EOT
    Verbs whose rights the respond function gets: keys of functions/gcp/permissions.json.
    A verb runs only if it is here and policy.verbs says so; with neither, nothing can be changed.
  EOT
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.enabled_verbs, local.known_verbs)) == 0
    error_message = "enabled_verbs holds a verb that functions/gcp/permissions.json does not know."
  }
}

variable "folder" {
  description = "Number of the folder to watch, with all below it; `organization` must be set too."
  type        = string
  default     = null

  validation {
    condition     = var.folder == null || can(regex("^[0-9]+$", var.folder)) && var.organization != null
    error_message = "folder is a number, and needs organization, which keeps the roles that are granted on it."
  }
}

variable "functions" {
  description = "Size of each function: memory in MiB, timeout in seconds, instances at most."
  type = object({
    detect  = optional(object({ memory = optional(number, 512), timeout = optional(number, 60), instances = optional(number, 10) }), {})
    respond = optional(object({ memory = optional(number, 512), timeout = optional(number, 60), instances = optional(number, 2) }), {})
    sweep   = optional(object({ memory = optional(number, 512), timeout = optional(number, 540), instances = optional(number, 1) }), {})
    approve = optional(object({ memory = optional(number, 256), timeout = optional(number, 20), instances = optional(number, 2) }), {})
  })
  default  = {}
  nullable = false

  # A push is acknowledged by the answer, for which Pub/Sub waits ten minutes at most.
  validation {
    condition     = alltrue([for each in values(var.functions) : each.timeout >= 1 && each.timeout <= 540])
    error_message = "A function's timeout is 1 to 540 seconds."
  }
}

variable "journal" {
  description = <<-EOT
    How long audit records can't be deleted or overwritten, not even by an owner of the project.
    An owner can still take the rule off the bucket, unless it is locked. LOCKED IS FOR EVER: a
    locked rule can't be shortened or removed by anybody, and the bucket and its project can't be
    deleted before the last record's days are over.
  EOT
  type = object({
    days   = optional(number, 365)
    locked = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.journal.days >= 1 && var.journal.days <= 36500
    error_message = "journal.days is 1 to 36500."
  }
}

variable "labels" {
  description = "Labels of every resource."
  type        = map(string)
  default     = {}
}

variable "name" {
  description = "Prefix of every name; two deployments in one project need two."
  type        = string
  default     = "vigil"

  # An account's id has 30 characters at most, and the longest suffix is "-respond".
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,18}[a-z0-9]$", var.name))
    error_message = "name is 4 to 20 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "organization" {
  description = "Number of the organization to watch with all below it; null: this project alone."
  type        = string
  default     = null

  validation {
    condition     = var.organization == null || can(regex("^[0-9]+$", var.organization))
    error_message = "organization is a number."
  }
}

variable "package" {
  description = "The zip that `make package` built; null: where it puts it, build/gcp.zip."
  type        = string
  default     = null
}

variable "policy" {
  description = <<-EOT
    What may be done (core/config.py, Policy). verbs: verb -> mode off, rehearse, approve or auto,
    and the lowest finding level that leads to it. protected: globs over identities and resources
    that nothing may touch; name the break-glass identities here before any verb is enabled, as
    `user:...`, `group:...` or `serviceAccount:...`.
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
    error_message = "policy.verbs holds a verb that functions/gcp/permissions.json does not know."
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

variable "project" {
  description = "Id of the project that Vigil runs in. One of its own is best: its owners can do what Vigil can."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project is a project's id: 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "protect_data" {
  description = "Keep `terraform destroy` from deleting the findings and the audit journal."
  type        = bool
  default     = true
}

variable "region" {
  description = "Where functions, state and journal lie; a region of Cloud Functions, Firestore and Scheduler."
  type        = string
  default     = "europe-west1"
}

variable "scc_source" {
  description = <<-EOT
    Source of Security Command Center that findings are written to, `organizations/1/sources/2`.
    Its owner gives the accounts of output `accounts` the role securitycenter.findingsEditor on it.
  EOT
  type        = string
  default     = null
}

variable "settle_minutes" {
  description = <<-EOT
    Minutes between two looks at what correlations could not decide at once. A finding of theirs that
    had to wait comes at most this much later.
  EOT
  type        = number
  default     = 5

  validation {
    condition     = contains([1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30], var.settle_minutes)
    error_message = "settle_minutes is 1 to 6, 10, 12, 15, 20 or 30: minutes that divide an hour."
  }
}

variable "sweep_minutes" {
  description = "Minutes between two sweeps. One reads back three hours at most, hence the limit."
  type        = number
  default     = 60

  # Scheduler's cron counts minutes of the hour and hours of the day.
  validation {
    condition     = contains([5, 10, 15, 20, 30, 60, 120], var.sweep_minutes)
    error_message = "sweep_minutes is 5, 10, 15, 20, 30, 60 or 120."
  }
}

variable "webhooks_secret" {
  description = "Secret with a JSON list of webhooks (core/config.py, Webhook): projects/P/secrets/S."
  type        = string
  default     = null
}

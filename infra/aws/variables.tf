# All that a deployer may choose. The defaults watch, tell and change nothing.

variable "alert_emails" {
  description = "Addresses that get every alert; each must confirm a mail from AWS first."
  type        = set(string)
  default     = []
}

variable "architecture" {
  description = "Instruction set of the functions; the zip must be built with the same --arch."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is x86_64 or arm64."
  }
}

variable "enabled_verbs" {
  description = <<-EOT
    Verbs whose rights the respond function gets: keys of functions/aws/permissions.json.
    A verb runs only if it is here and policy.verbs says so; with neither, nothing can be changed.
  EOT
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.enabled_verbs, local.known_verbs)) == 0
    error_message = "enabled_verbs holds a verb that functions/aws/permissions.json does not know."
  }
}

variable "functions" {
  description = <<-EOT
    Size of each function. concurrency reserves instances for it (null: shares the account's pool).
    The queue in front of a function waits six times its timeout before it delivers again.
  EOT
  type = object({
    detect  = optional(object({ memory = optional(number, 1024), timeout = optional(number, 60), concurrency = optional(number) }), {})
    respond = optional(object({ memory = optional(number, 512), timeout = optional(number, 60), concurrency = optional(number) }), {})
    sweep   = optional(object({ memory = optional(number, 512), timeout = optional(number, 600), concurrency = optional(number) }), {})
    approve = optional(object({ memory = optional(number, 256), timeout = optional(number, 20), concurrency = optional(number) }), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for each in values(var.functions) : each.timeout >= 1 && each.timeout <= 900])
    error_message = "A function's timeout is 1 to 900 seconds."
  }
}

variable "journal" {
  description = <<-EOT
    How long audit records can't be deleted. GOVERNANCE: an administrator with a special right still
    can. COMPLIANCE: nobody can, not even AWS's root user, and the bucket can't be destroyed before.
  EOT
  type = object({
    mode = optional(string, "GOVERNANCE")
    days = optional(number, 365)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["GOVERNANCE", "COMPLIANCE"], var.journal.mode)
    error_message = "journal.mode is GOVERNANCE or COMPLIANCE."
  }

  validation {
    condition     = var.journal.days >= 1 && var.journal.days <= 36500
    error_message = "journal.days is 1 to 36500."
  }
}

variable "log_retention_days" {
  description = "Days that the functions' own logs are kept."
  type        = number
  default     = 90
}

variable "name" {
  description = "Prefix of every name; two deployments in one account and region need two."
  type        = string
  default     = "vigil"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.name))
    error_message = "name is 2 to 20 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "package" {
  description = "The zip that `make package` built; null: where it puts it, build/aws.zip."
  type        = string
  default     = null
}

variable "policy" {
  description = <<-EOT
    What may be done (core/config.py, Policy). verbs: verb -> mode off, rehearse, approve or auto,
    and the lowest finding level that leads to it. protected: globs over identities and resources
    that nothing may touch; name the break-glass identities here before any verb is enabled.
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
    error_message = "policy.verbs holds a verb that functions/aws/permissions.json does not know."
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
  description = "Keep `terraform destroy` from deleting the findings table and the audit journal."
  type        = bool
  default     = true
}

variable "regions" {
  description = "Regions that a sweep looks at; empty: the one that this module is applied in."
  type        = set(string)
  default     = []
}

variable "settle_minutes" {
  description = "Minutes between two looks at what correlations could not decide at once."
  type        = number
  default     = 5

  validation {
    condition     = var.settle_minutes >= 1 && var.settle_minutes <= 60 && floor(var.settle_minutes) == var.settle_minutes
    error_message = "settle_minutes is a whole number from 1 to 60."
  }
}

variable "sweep_minutes" {
  description = "Minutes between two sweeps. One reads back three hours at most, hence the limit."
  type        = number
  default     = 60

  validation {
    condition     = var.sweep_minutes >= 5 && var.sweep_minutes <= 150 && floor(var.sweep_minutes) == var.sweep_minutes
    error_message = "sweep_minutes is a whole number from 5 to 150."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}

variable "trail" {
  description = <<-EOT
    A bucket that CloudTrail writes to, as a second source that also covers other regions.
    The bucket's notifications (s3:ObjectCreated:*) go to the events queue, directly, through the
    SNS topic named here, or through EventBridge; its owner sets that up (README).
  EOT
  type = object({
    bucket      = string
    prefix      = optional(string, "")
    account     = optional(string)
    topic_arn   = optional(string)
    kms_key_arn = optional(string)
  })
  default = null
}

variable "webhooks_secret_arn" {
  description = "Secrets Manager secret with a JSON list of webhooks (core/config.py, Webhook)."
  type        = string
  default     = null
}

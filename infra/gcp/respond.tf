# The only part that can change anything, and the person who may let it.

locals {
  # Verb -> the rights it needs; written and tested beside the verbs themselves. Keys that begin with
  # an underscore are not verbs.
  permissions = jsondecode(file("${path.module}/../../functions/gcp/permissions.json"))
  known_verbs = toset([for verb in keys(local.permissions) : verb if !startswith(verb, "_")])

  # A verb that is only rehearsed reads and plans: it gets the reading part of its rights.
  rehearsed = toset([
    for verb, each in var.policy.verbs : verb
    if each.mode == "rehearse" && !contains(var.enabled_verbs, verb)
  ])

  verb_rights = merge(
    { for verb in var.enabled_verbs : verb => local.permissions[verb] },
    {
      for verb in local.rehearsed : verb => [
        for right in local.permissions[verb] : right if can(regex("[.](get|getIamPolicy|list)$", right))
      ]
    },
  )

  # What each role holds: one for each verb, so that a plan shows word by word what enabling it gives;
  # and what sweep may look at.
  roles = merge(local.verb_rights, { sweep = local.permissions["_sweep"] })

  # Rights on folders and organizations can be held in no project's role.
  above_projects = "^resourcemanager[.](folders|organizations)[.]"

  project_roles = var.organization != null ? {} : {
    for name, rights in local.roles : name => [
      for right in rights : right if !can(regex(local.above_projects, right))
    ]
  }
  organization_roles = var.organization == null ? {} : local.roles

  # A role's id has no hyphens.
  role_prefix = replace(var.name, "-", "_")
  role_ids = {
    for name in keys(local.roles) : name => "${local.role_prefix}_${name}"
  }
  holders = { for name in keys(local.roles) : name => name == "sweep" ? "sweep" : "respond" }
}

resource "google_project_iam_custom_role" "work" {
  for_each = local.project_roles

  role_id     = local.role_ids[each.key]
  title       = "${var.name} ${each.key}"
  description = "What ${var.name} needs for ${each.key}."
  permissions = each.value
}

resource "google_organization_iam_custom_role" "work" {
  for_each = local.organization_roles

  org_id      = var.organization
  role_id     = local.role_ids[each.key]
  title       = "${var.name} ${each.key}"
  description = "What ${var.name} needs for ${each.key}."
  permissions = each.value
}

# Granted on what is watched: which project an intruder will touch is not known beforehand.
resource "google_project_iam_member" "work" {
  for_each = google_project_iam_custom_role.work

  project = var.project
  role    = each.value.id
  member  = google_service_account.function[local.holders[each.key]].member
}

resource "google_folder_iam_member" "work" {
  for_each = var.folder == null ? {} : google_organization_iam_custom_role.work

  folder = local.watched
  role   = each.value.id
  member = google_service_account.function[local.holders[each.key]].member
}

resource "google_organization_iam_member" "work" {
  for_each = var.folder == null ? google_organization_iam_custom_role.work : {}

  org_id = var.organization
  role   = each.value.id
  member = google_service_account.function[local.holders[each.key]].member
}

# The address of the approval page; with no verb enabled there is nothing to approve and no function.
# Open to all on purpose: whoever gets the link in a chat has no credentials of Google. What protects
# it is the token in the link: signed, expiring, for one action and one use; GET only shows.
resource "google_cloudfunctions2_function" "approve" {
  count = length(var.enabled_verbs) > 0 ? 1 : 0

  name        = "${var.name}-approve"
  location    = var.region
  description = local.descriptions["approve"]

  build_config {
    runtime         = "python313"
    entry_point     = "approve"
    service_account = google_service_account.build.id

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.package.name
      }
    }
  }

  service_config {
    available_memory      = "${var.functions.approve.memory}Mi"
    timeout_seconds       = var.functions.approve.timeout
    max_instance_count    = var.functions.approve.instances
    ingress_settings      = "ALLOW_ALL"
    service_account_email = google_service_account.function["approve"].email
    environment_variables = local.environment
  }

  depends_on = [google_project_iam_member.build]
}

resource "google_cloud_run_v2_service_iam_member" "approve" {
  count = length(google_cloudfunctions2_function.approve)

  name     = google_cloudfunctions2_function.approve[0].name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

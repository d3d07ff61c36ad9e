# What must outlive a run: the database, the journal on write-once storage, the policy, the key.

resource "google_firestore_database" "state" {
  name                              = var.name
  location_id                       = var.region
  type                              = "FIRESTORE_NATIVE"
  delete_protection_state           = var.protect_data ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = "DELETE"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  depends_on                        = [google_project_service.needed]
}

# Values that expire go in time; until Firestore gets to it, the code takes them for gone. Nothing is
# looked up by these two: an index on a time that grows slows writing down, and one on a long text
# costs more than the text.
resource "google_firestore_field" "unindexed" {
  for_each = toset(["expires", "value"])

  database   = google_firestore_database.state.name
  collection = "entries"
  field      = each.value

  index_config {}

  dynamic "ttl_config" {
    for_each = each.value == "expires" ? [each.value] : []

    content {}
  }
}

# One object per line, none of which can be overwritten or deleted before its days are over. Locked,
# not even an owner can change that: see the variable.
resource "google_storage_bucket" "journal" {
  name                        = local.journal
  location                    = var.region
  force_destroy               = !var.protect_data
  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true
  depends_on                  = [google_project_service.needed]

  retention_policy {
    retention_period = var.journal.days * 24 * 3600
    is_locked        = var.journal.locked
  }
}

resource "google_secret_manager_secret" "this" {
  for_each = toset(["approve", "policy"])

  secret_id           = "${var.name}-${each.value}"
  deletion_protection = var.protect_data
  depends_on          = [google_project_service.needed]

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
}

# Read afresh every half minute by respond, so a change of policy needs no deploy: add a version.
# It is no secret; Secret Manager has versions, and an account of who wrote each.
resource "google_secret_manager_secret_version" "policy" {
  secret      = google_secret_manager_secret.this["policy"].id
  secret_data = jsonencode(merge(var.policy, { own = local.own }))
}

# The key that signs approval links: random, made while applying, and written without passing
# through plan or state.
resource "google_secret_manager_secret_version" "approve" {
  secret                 = google_secret_manager_secret.this["approve"].id
  secret_data_wo         = "${uuid()}${uuid()}"
  secret_data_wo_version = 1 # raise it to change the key: links that are out stop working
}

locals {
  # Globs over what is Vigil's: the guard refuses any action on it, whatever the policy says. The
  # sink is not among them: to turn it on again is what restore_audit_logging is for.
  own = [
    "serviceAccount:${local.accounts_glob}",
    "//iam.googleapis.com/projects/${var.project}/serviceAccounts/${local.accounts_glob}*",
    "//pubsub.googleapis.com/projects/${var.project}/*/${var.name}-*",
    "//run.googleapis.com/projects/${var.project}/*/${var.name}-*",
    "//secretmanager.googleapis.com/projects/${var.project}/secrets/${var.name}-*",
    "//storage.googleapis.com/projects/_/buckets/${local.journal}*",
    "//storage.googleapis.com/projects/_/buckets/${var.project}-${var.name}-source*",
  ]
}

# Four functions from one zip, each with an account and the rights of its work alone.

locals {
  package = coalesce(var.package, "${path.module}/../../build/gcp.zip")

  environment = merge(
    {
      VIGIL_PROJECT        = var.project
      VIGIL_DATABASE       = google_firestore_database.state.name
      VIGIL_JOURNAL        = google_storage_bucket.journal.name
      VIGIL_ALERTS         = google_pubsub_topic.this["alerts"].id
      VIGIL_ACTIONS        = google_pubsub_topic.this["actions"].id
      VIGIL_REJECTS        = google_pubsub_topic.this["rejects"].id
      VIGIL_POLICY         = google_secret_manager_secret.this["policy"].id
      VIGIL_APPROVE_SECRET = google_secret_manager_secret.this["approve"].id
      VIGIL_RULEBOOK       = "rulebook.json"
    },
    length(var.accounts) == 0 ? {} : { VIGIL_ACCOUNTS = join(",", var.accounts) },
    var.scc_source == null ? {} : { VIGIL_SCC_SOURCE = var.scc_source },
    var.webhooks_secret == null ? {} : { VIGIL_WEBHOOKS = var.webhooks_secret },
  )

  # For all but approve, which is behind it: each would wait for the other.
  approve_url = google_cloudfunctions2_function.approve[*].service_config[0].uri

  descriptions = {
    detect  = "Reads log entries, records findings, tells people, orders actions. Can change nothing."
    respond = "Judges and carries out ordered actions, with the rights of the enabled verbs alone."
    sweep   = "Reads back what the stream missed and looks at the state of resources. Can change nothing."
    approve = "Shows a held action to a person and puts it back on respond's topic when released."
  }
}

resource "google_cloudfunctions2_function" "this" {
  for_each = toset(values(local.work))

  name        = "${var.name}-${each.value}"
  location    = var.region
  description = local.descriptions[each.value]

  build_config {
    runtime         = "python313"
    entry_point     = each.value
    service_account = google_service_account.build.id

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.package.name
      }
    }
  }

  service_config {
    available_memory                 = "${var.functions[each.value].memory}Mi"
    timeout_seconds                  = var.functions[each.value].timeout
    max_instance_count               = var.functions[each.value].instances
    max_instance_request_concurrency = 1 # what is in memory belongs to one message
    ingress_settings                 = "ALLOW_INTERNAL_ONLY"
    service_account_email            = google_service_account.function[each.value].email

    environment_variables = merge(
      local.environment,
      { for url in local.approve_url : "VIGIL_APPROVE_URL" => url },
    )
  }

  depends_on = [google_project_iam_member.build]
}

resource "google_service_account" "function" {
  for_each = local.descriptions

  account_id   = "${var.name}-${each.key}"
  display_name = "${var.name} ${each.key}"
  description  = each.value
  depends_on   = [google_project_service.needed]
}

# The zip. Its name changes with its content, and with it the function.
resource "google_storage_bucket" "source" {
  name                        = "${var.project}-${var.name}-source"
  location                    = var.region
  force_destroy               = true
  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true
  depends_on                  = [google_project_service.needed]
}

resource "google_storage_bucket_object" "package" {
  name   = "${filemd5(local.package)}.zip"
  bucket = google_storage_bucket.source.name
  source = local.package
}

# Who builds the functions from the zip, instead of an account that may do everything.
resource "google_service_account" "build" {
  account_id   = "${var.name}-build"
  display_name = "Builds ${var.name}'s functions."
  depends_on   = [google_project_service.needed]
}

resource "google_project_iam_member" "build" {
  for_each = toset([
    "roles/artifactregistry.writer",
    "roles/logging.logWriter",
    "roles/storage.objectViewer",
  ])

  project = var.project
  role    = each.value
  member  = google_service_account.build.member
}

# What every function may: keep state, and append to the journal. No delete: what is written stays
# until its time is up. Their logs are written by Cloud Run, not by them.
resource "google_project_iam_custom_role" "state" {
  role_id     = "${local.role_prefix}State"
  title       = "${var.name} state"
  description = "Keeps ${var.name}'s state in Firestore."
  permissions = [
    "datastore.databases.get",
    "datastore.entities.create",
    "datastore.entities.get",
    "datastore.entities.list",
    "datastore.entities.update",
  ]
}

resource "google_project_iam_member" "state" {
  for_each = google_service_account.function

  project = var.project
  role    = google_project_iam_custom_role.state.id
  member  = each.value.member

  condition {
    title      = "${var.name} alone"
    expression = "resource.name == \"${google_firestore_database.state.id}\""
  }
}

resource "google_storage_bucket_iam_member" "journal" {
  for_each = {
    for pair in setproduct(keys(local.descriptions), ["objectCreator", "objectViewer"]) :
    join("-", pair) => { function = pair[0], role = "roles/storage.${pair[1]}" }
  }

  bucket = google_storage_bucket.journal.name
  role   = each.value.role
  member = google_service_account.function[each.value.function].member
}

locals {
  # Who may publish what: those that find or change something tell people, those that look order
  # actions, and approve puts a released one back.
  publishers = {
    alerts  = ["detect", "respond", "sweep"]
    rejects = ["detect", "respond", "sweep"]
    actions = ["detect", "sweep", "approve"]
  }

  # Who may read which secret.
  readers = merge(
    { policy = ["respond"], approve = ["respond", "approve"] },
    var.webhooks_secret == null ? {} : { webhooks = ["detect", "respond", "sweep"] },
  )
}

resource "google_pubsub_topic_iam_member" "publish" {
  for_each = merge([
    for topic, functions in local.publishers :
    { for function in functions : "${topic}-${function}" => { topic = topic, function = function } }
  ]...)

  topic  = google_pubsub_topic.this[each.value.topic].id
  role   = "roles/pubsub.publisher"
  member = google_service_account.function[each.value.function].member
}

resource "google_secret_manager_secret_iam_member" "read" {
  for_each = merge([
    for secret, functions in local.readers :
    { for function in functions : "${secret}-${function}" => { secret = secret, function = function } }
  ]...)

  secret_id = each.value.secret == "webhooks" ? var.webhooks_secret : google_secret_manager_secret.this[each.value.secret].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function[each.value.function].member
}

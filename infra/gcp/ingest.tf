# Log -> topic -> function. A sink sends audit logs to a topic, whose subscription pushes them to
# detect. Whatever comes twice is one finding: its id is made from its content.

locals {
  # Admin activity and denials are written anyway. Data access is where it was turned on, and of it
  # only what rules could read: all of it can be a hundred times the rest.
  filter = join(" OR ", concat(
    [
      for log in ["activity", "system_event", "policy"] :
      "log_id(\"cloudaudit.googleapis.com/${log}\")"
    ],
    [
      join(" ", [
        "(log_id(\"cloudaudit.googleapis.com/data_access\") AND protoPayload.serviceName=(",
        join(" OR ", [for service in local.read_services : "\"${service}.googleapis.com\""]),
        "))",
      ])
    ],
  ))

  read_services = ["admin", "cloudresourcemanager", "iam", "iamcredentials", "login", "secretmanager"]

  sink = {
    name        = var.name
    destination = "pubsub.googleapis.com/${google_pubsub_topic.this["events"].id}"
    description = "Audit logs to ${var.name}'s detect function."
  }

  # One of the three, in a list; its identity is what the topic has to let in.
  sinks = concat(
    google_logging_organization_sink.events[*].writer_identity,
    google_logging_folder_sink.events[*].writer_identity,
    google_logging_project_sink.events[*].writer_identity,
  )
}

resource "google_logging_organization_sink" "events" {
  count = startswith(local.watched, "organizations/") ? 1 : 0

  name             = local.sink.name
  description      = local.sink.description
  destination      = local.sink.destination
  filter           = local.filter
  org_id           = var.organization
  include_children = true
}

resource "google_logging_folder_sink" "events" {
  count = startswith(local.watched, "folders/") ? 1 : 0

  name             = local.sink.name
  description      = local.sink.description
  destination      = local.sink.destination
  filter           = local.filter
  folder           = local.watched
  include_children = true
}

resource "google_logging_project_sink" "events" {
  count = startswith(local.watched, "projects/") ? 1 : 0

  name                   = local.sink.name
  description            = local.sink.description
  destination            = local.sink.destination
  filter                 = local.filter
  project                = var.project
  unique_writer_identity = true
}

resource "google_pubsub_topic_iam_member" "sink" {
  topic  = google_pubsub_topic.this["events"].id
  role   = "roles/pubsub.publisher"
  member = one(local.sinks)
}

locals {
  # Work that functions take from a topic, and what is kept for people to read.
  work = { events = "detect", actions = "respond", sweep = "sweep" }
  kept = toset(["alerts", "rejects", "events-dead", "actions-dead", "sweep-dead"])
}

resource "google_pubsub_topic" "this" {
  for_each = setunion(keys(local.work), local.kept)

  name       = "${var.name}-${each.value}"
  depends_on = [google_project_service.needed]

  # Messages hold what attackers and administrators did: they stay where the rest stays.
  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

# Pushed to the function's own address rather than by an Eventarc trigger, whose subscription can't
# be given a dead-letter topic (docs/decisions/0092). The framework takes either for a CloudEvent.
resource "google_pubsub_subscription" "work" {
  for_each = local.work

  name                       = "${var.name}-${each.key}"
  topic                      = google_pubsub_topic.this[each.key].id
  ack_deadline_seconds       = min(600, var.functions[each.value].timeout + 30)
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = "" # a quiet month must not delete it
  }

  push_config {
    push_endpoint = google_cloudfunctions2_function.this[each.value].service_config[0].uri

    oidc_token {
      service_account_email = google_service_account.push.email
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  # The function sets aside what it can't work on. This is for when it can't even start.
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.this["${each.key}-dead"].id
    max_delivery_attempts = 100
  }

  depends_on = [google_cloud_run_v2_service_iam_member.push]
}

# A topic forgets what nobody subscribed to: these keep it for an operator.
resource "google_pubsub_subscription" "kept" {
  for_each = local.kept

  name                       = "${var.name}-${each.value}"
  topic                      = google_pubsub_topic.this[each.value].id
  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }
}

# Dead letters are moved by Pub/Sub's own agent, with rights like anybody's.
resource "google_pubsub_topic_iam_member" "dead" {
  for_each = local.work

  topic  = google_pubsub_topic.this["${each.key}-dead"].id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "dead" {
  for_each = local.work

  subscription = google_pubsub_subscription.work[each.key].id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

# Who pushes. Its token is all that the functions let in.
resource "google_service_account" "push" {
  account_id   = "${var.name}-push"
  display_name = "Pushes ${var.name}'s messages to its functions."
  depends_on   = [google_project_service.needed]
}

resource "google_service_account_iam_member" "push" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent
}

resource "google_cloud_run_v2_service_iam_member" "push" {
  for_each = google_cloudfunctions2_function.this

  name     = each.value.name # a function and the Cloud Run service under it are named alike
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.push.member
}

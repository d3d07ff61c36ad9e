# The sweep: on a schedule, look at what is there, whatever the stream did or did not bring. And more
# often, a short call of the same function: let correlations decide what had to wait.

locals {
  # What the message says is all that tells the two apart.
  jobs = {
    sweep = {
      text    = "Starts ${var.name}'s sweep."
      minutes = var.sweep_minutes
      data    = {}
    }
    settle = {
      text    = "Lets ${var.name}'s correlations decide what had to wait: silence, what came first, what did not follow."
      minutes = var.settle_minutes
      data    = { task = "settle" }
    }
  }
}

resource "google_cloud_scheduler_job" "this" {
  for_each = local.jobs

  name        = "${var.name}-${each.key}"
  description = each.value.text
  region      = var.region
  time_zone   = "Etc/UTC"
  schedule = (
    each.value.minutes < 60 ? "*/${each.value.minutes} * * * *" :
    "0 */${each.value.minutes / 60} * * *"
  )
  depends_on = [google_project_service.needed]

  pubsub_target {
    topic_name = google_pubsub_topic.this["sweep"].id
    data       = base64encode(jsonencode(each.value.data))
  }

  # The next one makes up for one that is missed.
  retry_config {
    retry_count = 1
  }
}

# The sweep: on a schedule, look at what is there, whatever the stream did or did not bring.

resource "google_cloud_scheduler_job" "sweep" {
  name        = "${var.name}-sweep"
  description = "Starts ${var.name}'s sweep."
  region      = var.region
  schedule    = local.cron
  time_zone   = "Etc/UTC"
  depends_on  = [google_project_service.needed]

  pubsub_target {
    topic_name = google_pubsub_topic.this["sweep"].id
    data       = base64encode("{}")
  }

  retry_config {
    retry_count = 3
  }
}

locals {
  cron = (
    var.sweep_minutes < 60 ? "*/${var.sweep_minutes} * * * *" :
    "0 */${var.sweep_minutes / 60} * * *"
  )
}

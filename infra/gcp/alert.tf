# Who is told. The topic has every alert; mail says that there is one, and of Vigil's own trouble.

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  display_name = "${var.name} ${each.value}"
  type         = "email"
  labels       = { email_address = each.value }
  depends_on   = [google_project_service.needed]
}

locals {
  subscriptions = merge(
    { for name, each in google_pubsub_subscription.work : name => each.name },
    { for name, each in google_pubsub_subscription.kept : name => each.name },
  )

  backlog = "metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.type=\"pubsub_subscription\""
  age     = "metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND resource.type=\"pubsub_subscription\""
  calls   = "metric.type=\"run.googleapis.com/request_count\" AND resource.type=\"cloud_run_revision\""

  # What must not pass unnoticed: a metric that goes over a number. Periods are seconds.
  alarms = merge(
    {
      alerts = {
        text    = "Vigil has an alert: read it in the subscription ${local.subscriptions["alerts"]}."
        filter  = "metric.type=\"pubsub.googleapis.com/topic/send_message_operation_count\" AND resource.type=\"pubsub_topic\" AND resource.labels.topic_id=\"${google_pubsub_topic.this["alerts"].name}\""
        aligner = "ALIGN_DELTA"
        over    = 0
      }
    },
    {
      for name in setsubtract(local.kept, ["alerts"]) : "${name}-not-empty" => {
        text    = "Messages lie in ${local.subscriptions[name]}: read them, mend the cause, then acknowledge or publish them again."
        filter  = "${local.backlog} AND resource.labels.subscription_id=\"${local.subscriptions[name]}\""
        aligner = "ALIGN_MAX"
        over    = 0
      }
    },
    {
      for name in keys(local.work) : "${name}-late" => {
        text    = "The oldest message of ${local.subscriptions[name]} waits longer than 15 minutes."
        filter  = "${local.age} AND resource.labels.subscription_id=\"${local.subscriptions[name]}\""
        aligner = "ALIGN_MAX"
        over    = 900
      }
    },
    {
      for name in values(local.work) : "${name}-errors" => {
        text    = "The ${name} function failed: see its logs."
        filter  = "${local.calls} AND resource.labels.service_name=\"${var.name}-${name}\" AND metric.labels.response_code_class=\"5xx\""
        aligner = "ALIGN_DELTA"
        over    = 0
      }
    },
  )
}

resource "google_monitoring_alert_policy" "trouble" {
  for_each = local.alarms

  display_name          = "${var.name}-${each.key}"
  combiner              = "OR"
  notification_channels = [for each in google_monitoring_notification_channel.email : each.name]

  conditions {
    display_name = each.key

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.over
      duration        = "0s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = each.value.aligner
      }
    }
  }

  documentation {
    content = each.value.text
  }
}

# Not looking is not the same as finding nothing: a sweep that did not finish is an alarm. Calls are
# no proof of it, for sweeping and settling are one function: each writes a line when it is done.
resource "google_logging_metric" "done" {
  for_each = { sweep = "swept", settle = "settled" }

  name        = "${var.name}-${each.value}"
  description = "Lines that say that ${var.name} has ${each.value}."
  filter      = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${var.name}-sweep\" AND jsonPayload.message=\"${each.value}\""
  depends_on  = [google_project_service.needed]

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

resource "google_monitoring_alert_policy" "missed" {
  for_each = google_logging_metric.done

  display_name          = "${var.name}-${each.key}-missed"
  combiner              = "OR"
  notification_channels = [for each in google_monitoring_notification_channel.email : each.name]

  conditions {
    display_name = "${each.key}-missed"

    # Monitoring only misses what it has seen before: the first run of all is looked after by hand.
    condition_absent {
      filter   = "metric.type=\"logging.googleapis.com/user/${each.value.name}\" AND resource.type=\"cloud_run_revision\""
      duration = "${2 * 60 * max(local.jobs[each.key].minutes, 15)}s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_DELTA"
      }
    }
  }

  documentation {
    content = "No ${each.key} finished in the last two periods of ${local.jobs[each.key].minutes} minutes: see the logs of ${var.name}-sweep."
  }
}

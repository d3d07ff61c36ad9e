# What this module is built with. No backend is named: state is the deployer's affair.

terraform {
  # 1.11 brought write-only arguments: the approval secret never enters the state.
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }
}

provider "google" {
  project        = var.project
  region         = var.region
  default_labels = merge({ application = var.name }, var.labels)
}

data "google_project" "this" {}

# Nothing below works before these are on. They stay on: others may have come to need them.
resource "google_project_service" "needed" {
  for_each = toset([
    "artifactregistry",
    "cloudbuild",
    "cloudfunctions",
    "cloudresourcemanager",
    "cloudscheduler",
    "compute",
    "firestore",
    "iam",
    "logging",
    "monitoring",
    "orgpolicy",
    "policyanalyzer",
    "pubsub",
    "run",
    "secretmanager",
    "storage",
  ])

  service            = "${each.value}.googleapis.com"
  disable_on_destroy = false
}

locals {
  # What is watched: an organization, one folder of it, or this project alone.
  watched = (
    var.folder != null ? "folders/${var.folder}" :
    var.organization != null ? "organizations/${var.organization}" :
    "projects/${var.project}"
  )

  # Google's own agent that carries Pub/Sub's messages.
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"

  # Names by pattern rather than by reference, where a reference would go round in a circle.
  accounts_glob = "${var.name}-*@${var.project}.iam.gserviceaccount.com"
  journal       = "${var.project}-${var.name}-journal"
}

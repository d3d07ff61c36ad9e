"""Amazon Web Services: moto's server, the handlers of functions/aws, and a leaked access key."""

"""Google Cloud: a stand-in of five REST APIs, the parts of functions/gcp, and a leaked key."""

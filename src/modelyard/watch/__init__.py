"""What predictions did, told: metrics, live comparison, feedback, drift, alerts; above delivery, which records it."""

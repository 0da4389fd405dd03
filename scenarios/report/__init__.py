"""Reports: a run as one HTML page that a person reads without help; same run, same bytes."""

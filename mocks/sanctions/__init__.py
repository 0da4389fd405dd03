"""The name lists (名单监测): versioned snapshots and the two-stage decision by rule."""

"""HTTP beside the wire protocol: health, metrics, sessions. Reserved; nothing is served yet."""

"""What /metrics tells Prometheus: the numbers of all workers of this machine."""

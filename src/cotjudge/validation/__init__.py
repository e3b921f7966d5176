"""How good the judges are: what raters said about the same traces, brought together for the statistics."""

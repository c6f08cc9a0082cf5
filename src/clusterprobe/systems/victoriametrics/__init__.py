"""What the programs of VictoriaMetrics say of themselves."""

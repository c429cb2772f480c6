"""What the exporter and the importer of one system share: its wire format, its client."""

"""The table: the only package that reads and writes it. Clients and signing of AWS calls are in `shared/aws`."""

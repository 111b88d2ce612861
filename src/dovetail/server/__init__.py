"""The production server: settings, sockets, arbiter, workers, logs."""

"""Rules, converters and the matcher that finds the endpoint of a path."""

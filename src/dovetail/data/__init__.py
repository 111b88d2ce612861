"""Header fields and their values as types, and HTTP exceptions as data."""

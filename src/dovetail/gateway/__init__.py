"""Messages of the engine to PEP 3333 and back."""

"""The interactive debugger."""

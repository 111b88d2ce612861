"""``python -m dovetail`` is the ``dovetail`` command."""

from dovetail.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()

"""The command `renteseg`."""


def main() -> None:
    """Run the command line."""

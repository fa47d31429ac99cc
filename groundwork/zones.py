"""Time zones by name, from configuration and from input."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def time_zone(name: str) -> ZoneInfo:
    """The zone of this name; raises ValueError for a name that is none, whatever the zone files make of it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:  # a folder of zones, or a name too long for a file
        raise ValueError("is no time zone such as America/Lima") from error

"""Pure arithmetic: intervals, calendars, clocks, episodes, incidents. Standard library only; `now` is an argument."""

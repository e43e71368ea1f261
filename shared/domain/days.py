"""Calendar days in Europe/Moscow, which is three hours ahead of UTC all year, since 2014."""

from datetime import date

from shared.domain.durations import DAY_MS, HOUR_MS

_MOSCOW_MS = 3 * HOUR_MS
_EPOCH = date(1970, 1, 1).toordinal()


def day_at(at: int) -> date:
    """Return the day of a time, epoch ms."""
    return date.fromordinal(_EPOCH + (at + _MOSCOW_MS) // DAY_MS)


def hour_at(at: int) -> int:
    """Return the hour of the day of a time (epoch ms), 0 to 23."""
    return (at + _MOSCOW_MS) % DAY_MS // HOUR_MS


def begins_at(day: date) -> int:
    """Return when a day begins, epoch ms."""
    return (day.toordinal() - _EPOCH) * DAY_MS - _MOSCOW_MS

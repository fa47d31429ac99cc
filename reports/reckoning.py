"""From what was gathered to the figures of each component and service: the rules of `incident_store.domain` applied."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from groundwork.services import Combination, Quorum, needed
from incident_store.domain.availability import (
    Account,
    Watched,
    component_account,
    contractual,
    gross,
    service_account,
    verdict,
)
from incident_store.domain.availability import Share as DomainShare
from incident_store.domain.incidents import Kind
from incident_store.domain.maintenance import CountedWindow, counted_windows
from incident_store.domain.minute_sets import between, runs
from incident_store.domain.months import day_interval
from incident_store.domain.outages import Exempt, Fault, exempt_minutes, exempt_time, faults, joined_minutes
from incident_store.domain.policies import AvailabilityTarget, Terms
from incident_store.queries import IncidentRecord
from reports.declared import DeclaredComponent
from reports.gathering import LIMA, Gathered
from reports.monthly_report import Component, Day, Figures, Minutes, Service, Share

TEN_THOUSAND = 10_000


@dataclass(frozen=True)
class Case:
    """An incident of a component, as far as minutes are concerned."""

    record: IncidentRecord
    stretches: tuple[Fault, ...]
    exempt: tuple[Exempt, ...]


@dataclass(frozen=True)
class Subject:
    """A component with everything that bears on its minutes."""

    name: str
    words: DeclaredComponent
    declared: bool
    watched: Watched
    account: Account
    filled: int
    cases: tuple[Case, ...]
    windows: tuple[CountedWindow, ...]


def terms_of(gathered: Gathered) -> Terms:
    """The terms of the whole month are those in force when it begins (semantics 18)."""
    return gathered.policy.at(gathered.horizon.month.interval(LIMA).start)


def subjects(gathered: Gathered) -> tuple[Subject, ...]:
    """Every component that is declared or was seen in the month, by service and name; none is ever dropped."""
    month = gathered.horizon.minutes
    seen = {name for name, one in gathered.seen.items() if one.known & month}
    names = seen | set(gathered.labels) | set(gathered.declared.components)
    cases = _cases(gathered)
    filled: dict[str, int] = defaultdict(int)
    for fill in gathered.fills:
        filled[fill.gap.component] |= between(fill.gap.first, fill.gap.end) & month
    found = (_subject(gathered, name, cases.get(name, ()), filled[name]) for name in names)
    return tuple(sorted(found, key=lambda one: (one.words.service, one.name)))


def _cases(gathered: Gathered) -> Mapping[str, tuple[Case, ...]]:
    found: dict[str, tuple[Case, ...]] = defaultdict(tuple)
    for record in gathered.incidents:
        stretches = faults(record.events) if record.kind == Kind.INCIDENT else ()
        if stretches:
            exempt = exempt_time(record.events, gathered.as_of)
            found[record.component] += (Case(record, stretches, exempt),)
    return found


def _subject(gathered: Gathered, name: str, cases: tuple[Case, ...], filled: int) -> Subject:
    span, seen = gathered.horizon.span, gathered.seen.get(name)
    passed = between(0, span.index(gathered.as_of))
    windows = counted_windows(gathered.windows, name, span.interval)
    up, down = (seen.up, seen.down) if seen else (0, 0)
    joined = exempt = 0
    for case in cases:
        exempt |= exempt_minutes(case.exempt, case.stretches, down, span)
        joined |= joined_minutes(down, span, case.stretches, gathered.policy.relapse_window, gathered.as_of)
    watched = Watched(
        up=up,
        down=down,
        maintenance=span.mostly_in([window.span for window in windows]) & passed,
        exempt=exempt,
        joined=joined,
    )
    account = component_account(watched, gathered.horizon.minutes)
    declared = name in gathered.declared.components
    return Subject(name, _words(gathered, name), declared, watched, account, filled, cases, windows)


def _words(gathered: Gathered, name: str) -> DeclaredComponent:
    """What is declared now, else the labels that the component had last."""
    if name in gathered.declared.components:
        return gathered.declared.components[name]
    seen = gathered.seen.get(name)
    labels = gathered.labels.get(name) or (seen.labels if seen else None) or {}
    return DeclaredComponent(name, *(labels.get(label, "") for label in ("service", "owner", "kind")))


def component_of(gathered: Gathered, subject: Subject, terms: Terms) -> Component:
    """The component's figures."""
    target = terms.availability.components.get(subject.name, terms.availability.usual)
    known = (subject.account.seen_up | subject.account.seen_down) & gathered.horizon.minutes
    span = gathered.horizon.span
    return Component(
        name=subject.name,
        service=subject.words.service,
        owner=subject.words.owner,
        kind=subject.words.kind,
        declared=subject.declared,
        known_from=span.moment((known & -known).bit_length() - 1) if known else None,
        known_until=span.moment(known.bit_length()) if known else None,
        figures=figures(gathered, subject.account, target, subject.filled),
    )


def services(gathered: Gathered, found: Sequence[Subject], terms: Terms) -> Iterator[Service]:
    """The services in order, each from the minutes of its components (semantics 23).

    What is no longer declared, being renamed or retired, is reported by itself and no longer needed by its service.
    """
    parts: dict[str, list[Subject]] = defaultdict(list)
    for subject in found:
        parts[subject.words.service].append(subject)
    for name, everybody in sorted(parts.items()):
        members = [one for one in everybody if one.declared] or everybody
        combination = gathered.declared.combinations.get(name, "all")
        count = min(needed(combination, len(members)), len(members))
        account = service_account([one.watched for one in members], count, gathered.horizon.minutes)
        target = terms.availability.services.get(name, terms.availability.usual)
        filled = account.seen_up | account.seen_down
        for member in members:
            filled &= member.filled
        yield Service(
            name=name,
            components=tuple(member.name for member in members),
            combination=_combination(combination),
            needed=count,
            figures=figures(gathered, account, target, filled),
        )


def _combination(combination: Combination) -> str:
    return f"quorum {combination.quorum}" if isinstance(combination, Quorum) else combination


def figures(gathered: Gathered, account: Account, target: AvailabilityTarget, filled: int) -> Figures:
    """The account in numbers."""
    passed = gathered.horizon.passed(gathered.as_of)
    counted = contractual(account, passed)
    outages = [end - first for first, end in runs(account.seen_down)]
    return Figures(
        minutes=Minutes(
            up=account.up.bit_count(),
            down=account.down.bit_count(),
            unknown=account.unknown.bit_count(),
            maintenance=account.maintenance.bit_count(),
            pending=(gathered.horizon.minutes & ~passed).bit_count(),
        ),
        gross=_share(gross(account, passed)),
        contractual=_share(counted),
        excluded=account.excluded.bit_count(),
        joined=account.joined.bit_count(),
        filled=filled.bit_count(),
        target_percent=float(target.share * 100),
        target_is_contractual=target.contractual,
        verdict=verdict(counted, target.share),
        outages=len(outages),
        longest_outage=max(outages, default=0),
        days=tuple(_days(gathered, account)),
    )


def _days(gathered: Gathered, account: Account) -> Iterator[Day]:
    span = gathered.horizon.span
    sets = (account.up, account.down, account.unknown, account.maintenance, account.excluded)
    for day in gathered.horizon.month.days():
        bounds = day_interval(day, LIMA)
        first, end = span.index(bounds.start), span.index(bounds.end)
        mask = between(0, end - first)
        up, down, unknown, maintenance, excluded = ((one >> first & mask).bit_count() for one in sets)
        yield Day(day=day, up=up, down=down, unknown=unknown, maintenance=maintenance, excluded=excluded)


def _share(share: DomainShare) -> Share:
    return Share(
        up=share.up,
        down=share.down,
        unknown=share.unknown,
        percent=percent(share.value),
        percent_if_unknown_down=percent(share.if_unknown_were_down),
        percent_if_unknown_up=percent(share.if_unknown_were_up),
        coverage_percent=percent(share.coverage),
    )


def percent(share: Fraction | None) -> float | None:
    """A share in per cent, cut to four decimals: what is not reached is never shown as reached."""
    if share is None:
        return None
    return math.floor(share * 100 * TEN_THOUSAND) / TEN_THOUSAND

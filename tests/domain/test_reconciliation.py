"""Semantics 6: what polling concludes, and that whatever was lost on the way ends in the true state."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from incident_store.domain.episodes import EndedBy, Episode, Notification, take_in
from incident_store.domain.reconciliation import Findings, Outcome, Sighting, View, reconcile
from tests.builders import NOON, at, firing, resolved, seen

LONG = timedelta(hours=1)


def episodes(*notifications: Notification) -> tuple[Episode, ...]:
    known: tuple[Episode, ...] = ()
    for notification in notifications:
        known = take_in(known, notification).episodes
    return known


def view(*alerts: Notification, muted: bool = False, up_for: timedelta = LONG, name: str = "one") -> View:
    """What a peer holds; an alert that says nothing else was refreshed at 12:10."""
    held = [replace(alert, seen_at=alert.seen_at or at(10)) for alert in alerts]
    return View(name, up_for, {alert.fingerprint: Sighting(alert, muted) for alert in held})


def polls(known: Iterable[Episode], *views: Iterable[View]) -> Findings:
    """The findings of the last of these polls, a half minute apart from 12:10 on."""
    findings = Findings()
    for number, answers in enumerate(views):
        findings = reconcile(list(known), list(answers), findings.suspicions, at(10 + number / 2))
    return findings


def outcomes(findings: Findings) -> list[Outcome]:
    return [one.outcome for one in findings.conclusions]


def test_an_open_alert_that_two_polls_miss_ended_when_the_first_missed_it() -> None:
    (ended,) = polls(episodes(firing(0)), [view()], [view()]).conclusions
    assert (ended.outcome, ended.notification.gone_at) == (Outcome.ENDED, at(10))


def test_one_poll_alone_concludes_nothing() -> None:
    assert outcomes(polls(episodes(firing(0)), [view()])) == []
    assert outcomes(polls(episodes(firing(0)), [view()], [view(firing(0))], [view()])) == []


def test_an_alert_that_any_peer_holds_is_not_missed() -> None:
    holds, lacks = view(firing(0), name="two"), view()
    assert outcomes(polls(episodes(firing(0)), [lacks, holds], [lacks, holds])) == []


def test_a_peer_that_does_not_answer_is_no_witness_and_nobody_answering_concludes_nothing() -> None:
    assert outcomes(polls(episodes(firing(0)), [view()], [], [view()])) == [Outcome.ENDED]
    assert outcomes(polls(episodes(firing(0)), [], [], [])) == []


def test_a_peer_that_has_just_started_cannot_miss_anything() -> None:
    young = view(up_for=timedelta(seconds=40))
    assert outcomes(polls(episodes(firing(0)), [young], [young])) == []
    (ended,) = polls(episodes(firing(0)), [young], [view(up_for=timedelta(seconds=80))]).conclusions
    assert ended.notification.gone_at == at(10.5)


def test_an_unknown_alert_seen_twice_is_opened_late_with_its_true_start() -> None:
    (opened,) = polls([], [view(firing(3))], [view(firing(3))]).conclusions
    assert (opened.outcome, opened.notification.starts_at) == (Outcome.OPENED, at(3))
    assert [one.started_at for one in episodes(opened.notification)] == [at(3)]


def test_an_unknown_alert_that_is_muted_opens_nothing_until_it_is_heard() -> None:
    muted = view(firing(3), muted=True)
    assert outcomes(polls([], [muted], [muted], [muted])) == []
    assert outcomes(polls([], [muted], [view(firing(3))], [view(firing(3))])) == [Outcome.OPENED]


def test_a_known_alert_that_is_muted_stays_open() -> None:
    muted = view(firing(0), muted=True)
    assert outcomes(polls(episodes(firing(0)), [muted], [muted])) == []


def test_an_alert_in_sight_after_its_end_was_not_over() -> None:
    known = episodes(firing(0), resolved(0, 5))
    (reopened,) = polls(known, [view(firing(0))], [view(firing(0))]).conclusions
    assert reopened.outcome is Outcome.REOPENED
    assert take_in(known, reopened.notification).touched.ended_at is None


def test_an_end_later_than_the_last_refresh_is_not_disputed() -> None:
    known = episodes(firing(0), resolved(0, 11))
    assert outcomes(polls(known, [view(firing(0))], [view(firing(0))])) == []


def test_a_doubtful_end_is_confirmed_as_it_stands_when_the_alert_is_absent() -> None:
    known = episodes(firing(0), resolved(0, 5), firing(0))
    (confirmed,) = polls(known, [view()], [view()]).conclusions
    settled = take_in(known, confirmed.notification).touched
    assert confirmed.outcome is Outcome.CONFIRMED
    assert (settled.to_verify, settled.ended_at, settled.ended_by) == (False, at(5), EndedBy.RESOLVED)


def test_a_doubtful_episode_that_another_followed_has_ended() -> None:
    known = [*episodes(firing(0), resolved(0, 5), firing(0)), *episodes(firing(8))]
    assert outcomes(polls(known, [view(firing(8))])) == [Outcome.CONFIRMED]


@pytest.mark.parametrize("start", [-5, 7])
def test_a_start_that_differs_from_the_known_one_is_told(start: float) -> None:
    known = episodes(firing(0))
    (moved,) = polls(known, [view(firing(start))], [view(firing(start))]).conclusions
    assert moved.outcome is Outcome.MOVED
    after = take_in(known, moved.notification).episodes
    assert after[-1].ended_at is None
    assert [one.started_at for one in after] == ([at(-5)] if start < 0 else [at(0), at(7)])


def test_peers_that_hold_different_starts_tell_the_earliest() -> None:
    both = [view(firing(4)), view(firing(3), name="two")]
    (opened,) = polls([], both, both).conclusions
    assert opened.notification.starts_at == at(3)


# --- ten thousand histories of one alert between a Prometheus and two Alertmanagers that lose things ------------

TICK = timedelta(seconds=10)
POLL_TICKS = 3
RESEND_TICKS = 6
EXPIRE_TICKS = 24
CALM_TICKS = 15
"""The last 150 s, in which nothing more is lost: what was lost before must have healed by then."""
LOSSES = ("silenced", "restart", "truncated", "partition", "receiver down")


@dataclass
class Alertmanager:
    """Holds the alert until Prometheus says that it ended or stops refreshing it."""

    booted: int = -1000
    start: int | None = None
    end: int | None = None
    expires: int = 0
    updated: int = 0

    def active(self, tick: int) -> bool:
        return self.start is not None and tick < self.until

    @property
    def until(self) -> int:
        return self.expires if self.end is None else self.end


@dataclass
class World:
    """One run: what is true, what each peer holds, what is under way to the receiver, what the store knows."""

    dice: random.Random
    peers: tuple[Alertmanager, ...] = field(default_factory=lambda: (Alertmanager(), Alertmanager()))
    known: tuple[Episode, ...] = ()
    findings: Findings = field(default_factory=Findings)
    under_way: list[tuple[int, Notification]] = field(default_factory=list)
    truth: list[list[int | None]] = field(default_factory=list)
    sent: int = -1000
    lost: dict[str, int] = field(default_factory=dict)
    blind: bool = False

    def run(self, ticks: int) -> None:
        for tick in range(ticks):
            calm = tick >= ticks - CALM_TICKS
            self._fail(tick, calm)
            self._change(tick, calm)
            self._prometheus(tick)
            self._deliver(tick, calm)
            if tick % POLL_TICKS == 0:
                self._poll(tick)

    def happens(self, loss: str, tick: int) -> bool:
        return self.lost.get(loss, -1) > tick

    def _fail(self, tick: int, calm: bool) -> None:
        if calm:
            self.lost.clear()
        elif self.dice.random() < 0.06:
            loss = self.dice.choice(LOSSES)
            self.blind = self.blind or loss == "partition"
            self.lost[loss] = tick + self.dice.randint(1, 40 if loss == "partition" else 12)
            if loss == "restart":
                peer = self.dice.choice(self.peers)
                peer.booted, peer.start = tick, None
                self.under_way.clear()
                self.sent = min(self.sent, tick - self.dice.randint(0, RESEND_TICKS))

    def _change(self, tick: int, calm: bool) -> None:
        active = bool(self.truth) and self.truth[-1][1] is None
        if calm or self.dice.random() > (0.08 if active else 0.15):
            return
        if active:
            self.truth[-1][1] = tick
        elif not self.truth or tick > (self.truth[-1][1] or 0):
            self.truth.append([tick, None])
        self.sent = -1000

    def _prometheus(self, tick: int) -> None:
        """Sends the alert at once when it changes, and again every minute; nothing while it is cut off."""
        if not self.truth or self.happens("partition", tick):
            return
        start, end = self.truth[-1]
        assert start is not None
        if tick - self.sent < RESEND_TICKS:
            return
        self.sent = tick
        for peer in self.peers:
            changed = (peer.start, peer.end) != (start, end) or not peer.active(tick)
            if peer.active(tick) and (peer.start or 0) < start < peer.until:
                start = peer.start  # it still holds the one before: Alertmanager makes one of both
            elif end is not None and peer.start != start:
                peer.start, peer.end = None, None
                continue  # an end of something it never held
            peer.start, peer.end, peer.expires, peer.updated = start, end, tick + EXPIRE_TICKS, tick
            if changed:
                self._notify(peer, tick)

    def _notify(self, peer: Alertmanager, tick: int) -> None:
        if self.happens("silenced", tick) or peer.start is None:
            return
        until = None if peer.active(tick) else moment(peer.until)
        said = replace(firing(0), starts_at=moment(peer.start), ends_at=until)
        lost = self.happens("truncated", tick) or self.happens("receiver down", tick)
        for _ in range(0 if lost else self.dice.choice((1, 1, 2))):
            self.under_way.append((tick + self.dice.randint(0, 5), said))

    def _deliver(self, tick: int, calm: bool) -> None:
        for peer in self.peers:
            if peer.start is not None and peer.end is None and tick == peer.expires:
                self._notify(peer, tick)  # Prometheus stopped refreshing: a false end
            elif not calm and self.dice.random() < 0.03:
                self._notify(peer, tick)  # a repeat
        arrived = [said for due, said in self.under_way if due <= tick]
        self.under_way = [(due, said) for due, said in self.under_way if due > tick]
        self.dice.shuffle(arrived)
        for said in arrived:
            self.known = take_in(self.known, said).episodes

    def _poll(self, tick: int) -> None:
        views = []
        for number, peer in enumerate(self.peers):
            held = firing(0) if peer.active(tick) else None
            alerts = [replace(held, starts_at=moment(peer.start or 0), seen_at=moment(peer.updated))] if held else []
            up_for = (tick - peer.booted) * TICK
            views.append(view(*alerts, muted=self.happens("silenced", tick), up_for=up_for, name=str(number)))
        self.findings = reconcile(self.known, views, self.findings.suspicions, moment(tick))
        for one in self.findings.conclusions:
            self.known = take_in(self.known, one.notification).episodes


def moment(tick: int) -> datetime:
    return NOON + tick * TICK


def test_ten_thousand_histories_with_losses_and_two_peers_end_in_the_true_state() -> None:
    for seed in range(10_000):
        world = World(random.Random(seed))
        world.run(60)
        open_ones = [one.started_at for one in world.known if one.ended_at is None]
        active = bool(world.truth) and world.truth[-1][1] is None
        held = [peer.start or 0 for peer in world.peers if peer.active(60)]
        assert bool(held) == active, (seed, world.truth)
        if world.blind:  # an end by silence lies minutes late: what began again before it is the same (semantics 1)
            assert len(open_ones) == len(held[:1]), (seed, world.truth)
            assert all(start <= moment(min(held)) for start in open_ones), (seed, world.truth)
        else:
            assert open_ones == ([moment(min(held))] if active else []), (seed, world.truth)
        assert not any(one.to_verify for one in world.known), seed
        assert {one.started_at for one in world.known} <= {moment(start or 0) for start, _ in world.truth}, seed


def test_a_sighting_before_anything_else_is_the_episode() -> None:
    assert [one.ended_at for one in episodes(seen(0, 3))] == [None]

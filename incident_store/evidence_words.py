"""The evidence of an opening as lines in Spanish, for terminals and drafts."""

from incident_store.domain.attribution import Condition
from incident_store.snapshots import STEP, Snapshot
from incident_store.terminal import lima
from incident_store.words import CONDITIONS, LACKS, LOAD_STATES, PARTS, failure


def facts(snapshot: Snapshot) -> list[str]:
    """What the evidence holds, as lines in Spanish, times in Lima."""
    lines = [f"{CONDITIONS[one.state]} de {lima(one.start)} a {lima(one.end)}" for one in snapshot.states or ()]
    if lines:
        lines.append(
            f"Esos estados se miran cada {STEP.seconds} s: un cambio pudo ocurrir hasta {STEP.seconds} s antes"
        )
    if snapshot.failures is not None:
        reasons = "; ".join(f"{failure(one.reason)}: {one.times:g}" for one in snapshot.failures)
        lines.append(f"Motivos de falla en los 30 minutos previos: {reasons or 'ninguno'}")
    if snapshot.latency:
        slowest = max(one.seconds for one in snapshot.latency)
        lines.append(f"Prueba más lenta de los 30 minutos previos: {slowest:.3f} s")
    lines += _around(snapshot)
    for rule in snapshot.rules or ():
        values = ", ".join("sin valor" if one.value is None else f"{one.value:g}" for one in rule.values)
        lines.append(f"Regla {rule.name}: {' '.join(rule.expression.split())}; valor: {values or 'sin serie'}")
    return lines


def gaps(snapshot: Snapshot) -> list[str]:
    """What could not be had, and why."""
    found = [f"No se pudo obtener {PARTS[one.part]}: {LACKS[one.why]}" for one in snapshot.missing]
    return found + [f"Se omitieron {count} entradas de: {PARTS[part]}" for part, count in snapshot.left_out.items()]


def _around(snapshot: Snapshot) -> list[str]:
    lines = []
    if snapshot.around is not None:
        for state in (Condition.DOWN, Condition.UNKNOWN):
            names = ", ".join(one.component for one in snapshot.around if one.state is state)
            lines.append(f"{CONDITIONS[state]} en ese minuto: {names or 'ninguno'}")
        up = sum(one.state is Condition.UP for one in snapshot.around)
        lines.append(f"Componentes disponibles en ese minuto: {up} de {len(snapshot.around)}")
    if snapshot.monitor_blind:
        lines.append("El monitoreo estaba ciego: no alcanzaba nada")
    if snapshot.loads is not None:
        files = ", ".join(
            f"{one.operator} {one.file_type} ({LOAD_STATES.get(one.state, one.state)})" for one in snapshot.loads
        )
        lines.append(f"Archivos sin procesar en ese minuto: {files or 'ninguno'}")
    return lines

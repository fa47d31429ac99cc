"""The policy as far as it goes: what must be reported although `sla.yml` lacks the targets of a severity."""

from pathlib import Path

from pydantic import Field, field_validator

from groundwork.configuration import read
from groundwork.problems import ConfigurationError
from incident_store.domain.policies import ClockName, Severity, SlaPolicy
from incident_store.policy_file import PolicyFile, TargetsEntry, TermsEntry, read_policy


class PartialTermsEntry(TermsEntry):
    """Terms that may leave severities out."""

    @field_validator("targets")
    @classmethod
    def _every_severity(
        cls, targets: dict[Severity, dict[ClockName, TargetsEntry]]
    ) -> dict[Severity, dict[ClockName, TargetsEntry]]:
        return targets


class PartialPolicyFile(PolicyFile):
    """`sla.yml` of such terms."""

    versions: list[PartialTermsEntry] = Field(min_length=1)  # type: ignore[assignment]


def read_policy_as_far_as_it_goes(config: Path) -> tuple[SlaPolicy, tuple[str, ...]]:
    """The policy, and what is wrong with it where it lacks targets; raises ConfigurationError for anything else."""
    try:
        return read_policy(config), ()
    except ConfigurationError as error:
        return read(config / "sla.yml", PartialPolicyFile).policy(), tuple(map(str, error.problems))

"""Department: a group of moderators that chats are routed to."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.aggregates.department_hours import Hours, require_hours
from pulse.aggregates.department_policy import BY_HAND, Policy, require_policy
from pulse.errors import BadInput, Refusal

DEPARTMENTS = UUID("0c7b6a52-2a55-5c3e-8e0f-3f6f6b0d9a02")
NAME_LIMIT = 100


class NotADepartment(BadInput):
    """A department's name has 1 to 100 characters."""


class DepartmentIsArchived(Refusal):
    """This department is archived. Restore it first."""


class NameTaken(Refusal):
    """Another department has this name."""


class DepartmentCreated(AggregateCreated):
    name: str


class DepartmentRenamed(AggregateEvent):
    name: str

    def apply(self, department: Department) -> None:
        department.name = self.name


class DepartmentPolicyChanged(AggregateEvent):
    policy: Policy

    def apply(self, department: Department) -> None:
        department.policy = self.policy


class DepartmentHoursChanged(AggregateEvent):
    """None: around the clock."""

    hours: Hours | None

    def apply(self, department: Department) -> None:
        department.hours = self.hours


class DepartmentArchived(AggregateEvent):
    """No new chats and no new members; what happened in it stays."""

    def apply(self, department: Department) -> None:
        department.archived = True


class DepartmentRestored(AggregateEvent):
    def apply(self, department: Department) -> None:
        department.archived = False


class Department(Aggregate):
    name: str
    policy: Policy = BY_HAND
    hours: Hours | None = None
    archived: bool = False

    @classmethod
    def create(cls, name: str, *, now: datetime) -> Self:
        """Creates a department; the id follows from its first name, so the same one can't be made twice."""
        name = clean_name(name)
        return cls._create(DepartmentCreated, id=department_id(name), name=name, timestamp=now)

    def require_called(self, name: str) -> None:
        """Raises NameTaken if it was made by this name and goes by another now: a second one can't be made."""
        if not self.is_called(name):
            raise NameTaken(
                f"The department {self.name} was made by this name. Give the new one another.",
                department={"id": str(self.id), "name": self.name},
            )

    def is_called(self, name: str) -> bool:
        return self.name.casefold() == name.strip().casefold()

    def rename(self, name: str, *, now: datetime) -> None:
        """Raises NotADepartment."""
        name = clean_name(name)
        if name != self.name:
            self.trigger_event(DepartmentRenamed, name=name, timestamp=now)

    def change_policy(self, policy: Policy, *, now: datetime) -> None:
        """Sets how free chats find their moderators. Raises NotAPolicy."""
        require_policy(policy)
        if policy != self.policy:
            self.trigger_event(DepartmentPolicyChanged, policy=policy, timestamp=now)

    def change_hours(self, hours: Hours | None, *, now: datetime) -> None:
        """Sets when people work here; None is around the clock. Raises NotWorkingHours."""
        if hours is not None:
            require_hours(hours)
        if hours != self.hours:
            self.trigger_event(DepartmentHoursChanged, hours=hours, timestamp=now)

    def archive(self, *, now: datetime) -> None:
        """Closes it; whoever asks has seen to it that nothing goes there any more."""
        if not self.archived:
            self.trigger_event(DepartmentArchived, timestamp=now)

    def restore(self, *, now: datetime) -> None:
        """Opens it again, with the members it had."""
        if self.archived:
            self.trigger_event(DepartmentRestored, timestamp=now)


def clean_name(name: str) -> str:
    """As it is kept. Raises NotADepartment."""
    name = name.strip()
    if not 1 <= len(name) <= NAME_LIMIT or not name.isprintable():
        raise NotADepartment
    return name


def department_id(name: str) -> UUID:
    return uuid5(DEPARTMENTS, name.strip().casefold())

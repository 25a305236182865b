"""The desired state of a registry: what would have to change, changing it, and writing it down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from modelyard.domain.desired import Desired
from modelyard.domain.drift import Present, Step, steps_to
from modelyard.errors import InUse, ModelyardError
from modelyard.facade.base import Base
from modelyard.facade.desired_file import Source, desired_of
from modelyard.facade.resources import Aliases, Graphs, Models, Resource
from modelyard.facade.resources_access import Users, Webhooks

RESOURCES: tuple[type[Resource], ...] = (Models, Aliases, Graphs, Webhooks, Users)


class Declaring(Base):
    """The methods of `ModelRegistry` that compare it with a file and make it what the file says."""

    def plan(self, source: Source) -> list[Step]:
        """Tell what would have to change for the registry to be what a file says; nothing where it is so already.

        Args:
            source: a YAML file (see `modelyard.domain.desired` for its form), or the same as a dictionary.

        Returns:
            The steps in the order in which `apply` makes them, each with the old and the new value of its fields. One
            whose `blocked` says why cannot be made, and `apply` refuses the whole plan.

        Raises:
            InvalidConfig: the file says something that cannot be; the message names the line.
            NotFound: an alias shall point to a version that does not exist.
        """
        desired = self._settled(desired_of(source))
        present: dict[tuple[str, str], Present] = {}
        for resource in self._resources():
            present |= {(resource.kind, key): found for key, found in resource.present(desired).items()}
        return list(steps_to(desired, present))

    def apply(
        self, what: Source | Sequence[Step], *, dry_run: bool = False, done: Callable[[Step], None] | None = None
    ) -> list[Step]:
        """Make the registry what a file says, or make the steps of a plan; doing it twice changes nothing.

        Each step is a change of its own. Where something has changed since the plan was made, the step is refused.

        Args:
            what: a file or a dictionary as in `plan`, or what `plan` returned.
            dry_run: only plan.
            done: called after each step.

        Returns:
            The steps that were made.

        Raises:
            ModelyardError: a step was refused; `details["done"]` and `details["left"]` tell what was made and what was
                not. Applying the file again does the rest.
        """
        is_plan = isinstance(what, Sequence) and not isinstance(what, str)
        steps: list[Step] = list(what) if is_plan else self.plan(what)  # type: ignore[arg-type]
        if dry_run:
            return steps
        refuse_blocked(steps)
        by_kind = {resource.kind: resource for resource in self._resources()}
        for step in steps:
            by_kind[step.kind].check(step)
        for place, step in enumerate(steps):
            try:
                by_kind[step.kind].make(step)
            except ModelyardError as error:
                error.details |= {"done": _titles(steps[:place]), "left": _titles(steps[place:])}
                error.message = f"{title(step)}: {error.message}"
                if place:
                    error.message += f"; {place} of {len(steps)} steps were made before"
                raise
            if done is not None:
                done(step)
        return steps

    def dump_state(self) -> dict[str, Any]:
        """Return the present state in the form that `plan` and `apply` read; secrets are not in it."""
        document: dict[str, Any] = {"modelyard": 1}
        for resource in self._resources():
            resource.dump(document)
        return document

    def _resources(self) -> list[Resource]:
        return [make(self._caller) for make in RESOURCES]

    def _settled(self, desired: Desired) -> Desired:
        """The wishes in the words of the registry, so that they compare with what it shows."""
        for resource in self._resources():
            desired = resource.settle(desired)
        return desired


def refuse_blocked(steps: Sequence[Step]) -> None:
    """Refuse a plan with a step that cannot be made, before the first one is.

    Raises:
        InUse: there is such a step; `details["left"]` names all of them.
    """
    blocked = [step for step in steps if step.blocked]
    if blocked:
        more = f", and {len(blocked) - 1} more steps cannot be made" if len(blocked) > 1 else ""
        raise InUse(
            f"{title(blocked[0])}: {blocked[0].blocked}{more}",
            hint="delete them first, or name them in the file",
            details={"done": [], "left": _titles(blocked)},
        )


def title(step: Step) -> str:
    """A step in words: `update alias fraud@champion`."""
    return f"{step.action} {step.kind} {step.key or 'of the registry'}"


def _titles(steps: Sequence[Step]) -> list[str]:
    return [title(step) for step in steps]

"""What a version was trained on, and how far its traffic has moved from that."""

from __future__ import annotations

from collections.abc import Sequence

from modelyard.domain.wire import DriftReport, ProfileDocument, ReferenceRecord
from modelyard.facade.arguments import moment_of, name_of, reference_of, selector_of, texts_of
from modelyard.facade.base import Base
from modelyard.facade.training_data import profile_of
from modelyard.operations import DRIFT, GET_REFERENCE, SET_REFERENCE


class Profiles(Base):
    """The methods of `ModelRegistry` that look for drift."""

    def set_reference(
        self,
        reference: str,
        data: object,
        *,
        predictions: object = None,
        exclude: Sequence[str] | None = None,
    ) -> ReferenceRecord:
        """Record how the training data of a version are spread, in place of what was recorded before.

        The data are counted here; only the counts are sent and stored: bins of numbers, and the commonest texts.

        Args:
            reference: the version.
            data: a DataFrame, an array of rows, a mapping of columns, a list of records, the path of a CSV or
                JSON lines file, or a profile that was made before.
            predictions: the column that holds the model's predictions for these rows, or the predictions themselves.
            exclude: columns that do not go into the model, such as the label or an id.

        Raises:
            InvalidRequest: the data are none of these, have no rows, or lack a column that is named.
        """
        named = reference_of(reference)
        left_out = texts_of("exclude", exclude) or []
        profile = data if isinstance(data, ProfileDocument) else profile_of(data, predictions, left_out)
        return self._call(SET_REFERENCE, reference=named, profile=profile)

    def get_reference(self, reference: str) -> ReferenceRecord:
        """Return how the training data of a version are spread.

        Raises:
            ProfileNotFound: nobody has said.
        """
        return self._call(GET_REFERENCE, reference=reference_of(reference))

    def drift(
        self,
        name: str,
        version: str | None = None,
        *,
        environment: str | None = None,
        since: str | None = None,
        against: str | None = None,
    ) -> DriftReport:
        """Tell how far the inputs and predictions of a version have moved, the furthest feature first.

        Args:
            name: the model.
            version: the version whose traffic is looked at; the one with the most traffic where it is left out.
            environment: only the traffic there; that of all environments where it is left out.
            since: a moment, or a length of time such as "24h"; a day where it is left out. Whole hours are taken.
            against: "reference" for the training data, or a version; where it is left out, the training data if there
                are any, else the version before.

        Raises:
            ProfileNotFound: the training data are asked for, and nobody has said how they are spread.
        """
        return self._call(
            DRIFT,
            name=name_of(name),
            version=selector_of(version),
            environment=environment,
            since=moment_of("since", since),
            against=selector_of(against),
        )

"""The trial of a deployment: what the judge has taken in, and what follows from it.

Rules
1. Evidence comes in units, in one order that is part of the record. The same units in the same order make the same
   state, to the last bit; so the state can be stored, and computed again.
2. A unit is a key: lots are drawn for keys, and what one user meets again and again is one observation. Of a key, the
   first error counts for the errors, and the first request for the rest. A unit that is kept for its error only says
   nothing of anything else: errors are kept where other requests are too many, so an arm with more of them would seem
   to get more of the traffic.
3. A version is judged against the old one alone, with the weights that both had in the epoch that the unit entered.
   Several challengers share alpha.
4. Lots that do not fall as the weights say void all of it: the arms differ in more than the version then.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import fsum
from typing import Final

import msgspec

from modelyard.domain.duel import Duel
from modelyard.domain.units import NONE, Arrival, Batch
from modelyard.domain.wire.judge import ChallengerEvidence, Terms
from modelyard.errors import RegistryCorrupt

SKEW_LIMIT: Final = 10_000.0
"""Evidence at which lots count as wrongly drawn: a false alarm in one of 10,000 deployments at most."""

Shares = Mapping[int, Mapping[str, float]]
"""Epoch → version id → weight."""


class Seen:
    """Which keys were met before: a Bloom filter with two hashes.

    It may take a new key for an old one, whatever arm it came to: then a unit is lost, and nothing is wrong.

    Args:
        bits: size; a power of two.
    """

    __slots__ = ("_mask", "bits")

    def __init__(self, bits: int = 1 << 23) -> None:
        self.bits = bytearray(bits // 8)
        self._mask = bits - 1

    def add(self, key: int) -> bool:
        """Remember a key, and say whether it is new; what has no key (0) is new each time."""
        if not key:
            return True
        is_new = False
        for place in (key & self._mask, (key >> 32) & self._mask):
            byte, bit = place >> 3, 1 << (place & 7)
            if not self.bits[byte] & bit:
                self.bits[byte] |= bit
                is_new = True
        return is_new

    def fill(self, bits: bytes) -> None:
        """Know what another one of the same size knew.

        Raises:
            ValueError: it was of another size.
        """
        if len(bits) != len(self.bits):
            raise ValueError(f"{len(bits)} bytes of keys, and not {len(self.bits)}")
        self.bits[:] = bits


class Trial:
    """The trial of a deployment.

    Args:
        terms: what is gone by.

    Attributes:
        position: how many batches were taken in.
        skewed_since: since when lots look wrong, as a moment; empty where they do not.
        seen: keys that were met.
        erred: keys that met an error.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.duels = {version_id: Duel(terms) for version_id in terms.challengers}
        self.position = 0
        self.skewed_since = ""
        self.seen, self.erred = Seen(), Seen(1 << 20)

    def take(self, batch: Batch, shares: Shares, moment: str = "") -> None:
        """Take in a batch.

        Args:
            batch: units, in their order.
            shares: the weights in the epochs of the batch; a unit of an epoch that is missing is passed over.
            moment: when the batch was made.
        """
        self.position += 1
        ways = [self._ways(arrival, shares.get(arrival.epoch, {})) for arrival in batch.arms]
        for unit in batch.units:
            is_first = unit.place != NONE and self.seen.add(unit.key)
            is_first_error = unit.failed and self.erred.add(unit.key)
            if is_first or is_first_error:
                for duel, w, is_challenger in ways[unit.arm]:
                    duel.take(unit, w, is_challenger=is_challenger, is_first=is_first, is_first_error=is_first_error)
        is_skewed = self.skew >= SKEW_LIMIT
        self.skewed_since = (self.skewed_since or moment) if is_skewed else ""

    def _ways(self, arrival: Arrival, weights: Mapping[str, float]) -> list[tuple[Duel, float, bool]]:
        """The duels that units of an arm belong to, with the challenger's weight, and whether they are his."""
        found = []
        for challenger, duel in self.duels.items():
            whole = weights.get(challenger, 0.0) + weights.get(self.terms.base_id, 0.0)
            if arrival.version_id in {challenger, self.terms.base_id} and whole > 0.0:
                w = weights.get(challenger, 0.0) / whole
                if arrival.epoch > duel.epoch:
                    duel.enter(arrival.epoch, w)
                found.append((duel, w, arrival.version_id == challenger))
        return found

    @property
    def skew(self) -> float:
        """Evidence that lots do not fall as the weights say, of all pairs."""
        return fsum(duel.skew.value for duel in self.duels.values()) / len(self.duels)

    def evidence(self) -> list[ChallengerEvidence]:
        """What is known of each challenger, the deployed version first."""
        return [duel.evidence(version_id) for version_id, duel in self.duels.items()]

    def state(self) -> bytes:
        """Return all that it consists of; `restored` takes it."""
        return _encode(
            _State(
                position=self.position,
                skewed_since=self.skewed_since,
                duels={version_id: duel.state() for version_id, duel in self.duels.items()},
                seen=bytes(self.seen.bits),
                erred=bytes(self.erred.bits),
            )
        )


class _State(msgspec.Struct, array_like=True):
    position: int
    skewed_since: str
    duels: dict[str, list[list[list[float]]]]
    seen: bytes
    erred: bytes


_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(_State).decode


def restored(terms: Terms, stored: bytes) -> Trial:
    """Return a trial that is what another one was, to the last bit.

    Raises:
        RegistryCorrupt: the bytes stand for none.
    """
    try:
        state = _decode(stored)
        trial = Trial(terms)
        trial.position, trial.skewed_since = state.position, state.skewed_since
        for version_id, duel in trial.duels.items():
            duel.restore(state.duels[version_id])
        trial.seen.fill(state.seen)
        trial.erred.fill(state.erred)
    except (msgspec.MsgspecError, ValueError, KeyError, OverflowError) as error:
        raise RegistryCorrupt(f"the stored state of a trial is damaged: {error}") from error
    return trial

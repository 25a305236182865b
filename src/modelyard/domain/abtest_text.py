"""How a test between versions stands, in a sentence."""

from __future__ import annotations

from modelyard.domain.wire.feedback import AbComparison, AbResult
from modelyard.domain.wording import counted


def said_of(result: AbResult) -> str:
    """Return who has won and on what evidence, or how far it is to a winner."""
    standing, metric = result.standing, result.options.metric
    if result.winner:
        return f"{result.winner} won by {metric}, after {counted(standing.decided_at, 'unit')}: {_proof(result)}"
    if not standing.units:
        return f"nobody has won yet: nothing is known of {metric}"
    return f"nobody has won yet by {metric}, after {counted(standing.units, 'unit')}: {_outlook(standing.comparisons)}"


def _proof(result: AbResult) -> str:
    if result.winner == result.reference:
        others = ", ".join(one.version for one in result.standing.comparisons)
        least = min(one.e_worse for one in result.standing.comparisons)
        return f"{others} {'is' if len(result.standing.comparisons) == 1 else 'are'} worse ({_odds(least)})"
    won = next(one for one in result.standing.comparisons if one.version == result.winner)
    return f"it is better than {result.reference} ({_odds(won.e_better)})"


def _odds(evidence: float) -> str:
    """Evidence as a bet that was won against long odds; it may have fallen since the decision."""
    return f"evidence of {min(evidence, 1e9):,.0f} to 1 now"


def _outlook(comparisons: list[AbComparison]) -> str:
    known = [one.needed for one in comparisons if one.needed]
    if not known:
        return "so far the versions do not differ"
    return f"about {counted(min(known), 'unit')} more, if the difference stays as it is"

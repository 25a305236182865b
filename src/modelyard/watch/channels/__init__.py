"""The ways to tell people, one module a kind; what they have in common is in `message`."""

from __future__ import annotations

from collections.abc import Mapping

from modelyard.domain.alert_checks import EMAIL, PAGERDUTY, SLACK, WEBHOOK
from modelyard.watch.channels import email, pagerduty, slack, webhook
from modelyard.watch.channels.message import Sender

SENDERS: Mapping[str, Sender] = {
    WEBHOOK: webhook.send,
    SLACK: slack.send,
    PAGERDUTY: pagerduty.send,
    EMAIL: email.send,
}
"""Kind of channel → what sends through it."""

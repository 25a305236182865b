/** What happened, in a sentence: one row for each type of event. */

/** An event's facts, ready to be put into a sentence; what an event does not tell is empty. */
export interface Facts {
  who: string;
  model: string;
  /** Model and version, such as "fraud 1.4.2", or `aVersion` where the number is not known. */
  version: string;
  environment: string;
  from: string;
  to: string;
  reason: string;
  /** What it is about besides a version: an alias, a rule, a user, a suite. */
  name: string;
  /** What was changed, such as "owner, tags". */
  changed: string;
  strategy: string;
  /** Counted from 1; 0 where there is none. */
  step: number;
  passed: boolean;
}

const place = ({ environment }: Facts) => (environment === "" ? "" : ` in ${environment}`);
const why = ({ reason }: Facts) => (reason === "" ? "" : `: ${reason}`);
const named = ({ name }: Facts) => (name === "" ? "" : ` ${name}`);
const changes = ({ changed }: Facts) => (changed === "" ? "" : `: ${changed}`);

export const happenings = {
  aVersion: (model: string) => `a version of ${model}`,
  theController: "The controller",
  other: (type: string, about: string, who: string) => `${type}${about === "" ? "" : ` of ${about}`}, by ${who}`,
  rolledBackByHand: (it: Facts) => `${it.who} brought ${it.version} back${place(it)}${why(it)}`,
  archived: (it: Facts) => `${it.who} archived ${it.version}`,
  sentences: {
    "model.created": (it: Facts) => `${it.who} created the model ${it.model}`,
    "model.updated": (it: Facts) => `${it.who} changed ${it.model}${changes(it)}`,
    "model.renamed": (it: Facts) => `${it.who} renamed ${it.from} to ${it.to}`,
    "model.deleted": (it: Facts) => `${it.who} deleted the model ${it.model}`,
    "version.registered": (it: Facts) => `${it.who} registered ${it.version}`,
    "version.updated": (it: Facts) => `${it.who} changed ${it.version}${changes(it)}`,
    "version.stage_moved": (it: Facts) => `${it.who} moved ${it.version} to ${it.to}${place(it)}`,
    "version.rolled_back": (it: Facts) => `${it.who} brought ${it.version} back to ${it.to}${place(it)}${why(it)}`,
    "version.withdrawn": (it: Facts) => `${it.who} took ${it.version} out of ${it.from}${place(it)}`,
    "version.deprecated": (it: Facts) => `${it.who} deprecated ${it.version}${why(it)}`,
    "version.restored": (it: Facts) => `${it.who} took back that ${it.version} is deprecated`,
    "version.tested": (it: Facts) => `${it.version} ${it.passed ? "passed" : "failed"} the tests${named(it)}`,
    "version.reference_set": (it: Facts) => `${it.who} gave ${it.version} a reference of its training data`,
    "version.deleted": (it: Facts) => `${it.who} deleted ${it.version}`,
    "alias.set": (it: Facts) => `${it.who} pointed the alias ${it.name} to ${it.version}`,
    "alias.removed": (it: Facts) => `${it.who} removed the alias ${it.name} of ${it.model}`,
    "graph.changed": (it: Facts) => `${it.who} changed the stages and gates${it.model === "" ? "" : ` of ${it.model}`}`,
    "graph.removed": (it: Facts) => `${it.who} gave ${it.model} the stages of the registry again`,
    "promotion.requested": (it: Facts) => `${it.who} asked for ${it.version} to move to ${it.to}`,
    "promotion.refused": (it: Facts) => `The gates refused ${it.version} for ${it.to}`,
    "promotion.evaluated": (it: Facts) => `${it.who} had the gates of ${it.version} judged again`,
    "promotion.approved": (it: Facts) => `${it.who} approved the promotion of ${it.version}${why(it)}`,
    "promotion.rejected": (it: Facts) => `${it.who} rejected the promotion of ${it.version}${why(it)}`,
    "promotion.commented": (it: Facts) => `${it.who} commented on the promotion of ${it.version}${why(it)}`,
    "promotion.withdrawn": (it: Facts) => `${it.who} withdrew the promotion of ${it.version}${why(it)}`,
    "promotion.expired": (it: Facts) => `The promotion of ${it.version} expired`,
    "promotion.applied": (it: Facts) => `The promotion of ${it.version} to ${it.to} is done`,
    "endpoint.created": (it: Facts) => `${it.who} made an endpoint for ${it.model}${place(it)}`,
    "endpoint.configured": (it: Facts) => `${it.who} configured the endpoint of ${it.model}${place(it)}`,
    "route.changed": (it: Facts) => `The requests of ${it.model}${place(it)} now go to ${it.to === "" ? "nothing" : it.to}`,
    "snapshot.created": (it: Facts) => `A snapshot was taken of ${it.model}${place(it)}${why(it)}`,
    "snapshot.judged": (it: Facts) =>
      `A snapshot of ${it.model}${place(it)} was found ${it.passed ? "healthy" : "unhealthy"}`,
    "deployment.created": (it: Facts) =>
      `${it.who} started to deploy ${it.version}${place(it)}${it.strategy === "" ? "" : ` (${it.strategy})`}`,
    "deployment.preflight_started": (it: Facts) => `${it.version} is probed before it gets requests${place(it)}`,
    "deployment.preflight_passed": (it: Facts) => `${it.version} passed its probes and gets its first requests${place(it)}`,
    "deployment.rejected": (it: Facts) => `${it.version} failed its probes and gets no requests${place(it)}${why(it)}`,
    "deployment.advanced": (it: Facts) => `${it.version} went on to step ${String(it.step)}${place(it)}`,
    "deployment.paused": (it: Facts) => `${it.who} paused the deployment of ${it.version}${place(it)}${why(it)}`,
    "deployment.inconclusive": (it: Facts) => `The deployment of ${it.version}${place(it)} waits for somebody${why(it)}`,
    "deployment.halted": (it: Facts) => `The deployment of ${it.version}${place(it)} was halted${why(it)}`,
    "deployment.resumed": (it: Facts) => `${it.who} resumed the deployment of ${it.version}${place(it)}`,
    "deployment.baking": (it: Facts) => `${it.version} gets all its requests${place(it)} and is watched a while`,
    "deployment.succeeded": (it: Facts) => `${it.version} is deployed${place(it)}`,
    "deployment.rolling_back": (it: Facts) => `${it.version} is being rolled back${place(it)}${why(it)}`,
    "deployment.rolled_back": (it: Facts) => `${it.version} was rolled back${place(it)}${why(it)}`,
    "deployment.cancelled": (it: Facts) => `${it.who} cancelled the deployment of ${it.version}${place(it)}${why(it)}`,
    "deployment.superseded": (it: Facts) => `Another deployment took the place of that of ${it.version}${place(it)}`,
    "alert.fired": (it: Facts) => `Alert${named(it)} for ${it.model}${place(it)}${why(it)}`,
    "alert.resolved": (it: Facts) => `Alert${named(it)} for ${it.model}${place(it)} is over${why(it)}`,
    "alert.rule_set": (it: Facts) => `${it.who} set the alert rule${named(it)}`,
    "alert.rule_deleted": (it: Facts) => `${it.who} deleted the alert rule${named(it)}`,
    "alert.silenced": (it: Facts) => `${it.who} silenced alerts${why(it)}`,
    "alert.silence_ended": (it: Facts) => `${it.who} ended a silence of alerts`,
    "channel.set": (it: Facts) => `${it.who} set the channel${named(it)}`,
    "channel.deleted": (it: Facts) => `${it.who} deleted the channel${named(it)}`,
    "forward.retried": (it: Facts) => `${it.who} had ${it.version} sent to ${it.name} again`,
    "user.created": (it: Facts) => `${it.who} created the account${named(it)}`,
    "user.updated": (it: Facts) => `${it.who} changed what${named(it)} may do`,
    "user.disabled": (it: Facts) => `${it.who} disabled the account${named(it)}`,
    "user.enabled": (it: Facts) => `${it.who} enabled the account${named(it)}`,
    "token.created": (it: Facts) => `${it.who} made a token for${named(it)}`,
    "token.rotated": (it: Facts) => `${it.who} rotated a token of${named(it)}`,
    "token.revoked": (it: Facts) => `${it.who} revoked a token of${named(it)}`,
    "webhook.created": (it: Facts) => `${it.who} made a webhook to${named(it)}`,
    "webhook.updated": (it: Facts) => `${it.who} changed the webhook${named(it)}`,
    "webhook.deleted": (it: Facts) => `${it.who} deleted the webhook${named(it)}`,
    "webhook.disabled": (it: Facts) => `The webhook${named(it)} was disabled${why(it)}`,
    "webhook.secret_rotated": (it: Facts) => `${it.who} rotated the secret of the webhook${named(it)}`,
    "webhook.replayed": (it: Facts) => `${it.who} had the webhook${named(it)} send events again`,
    "webhook.ping": (it: Facts) => `The webhook${named(it)} was tried`,
    "audit.checkpoint": () => "A checkpoint of the record was made",
  },
};

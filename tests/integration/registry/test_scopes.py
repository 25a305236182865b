"""What somebody may see and do who was granted some models only, on real databases."""

from __future__ import annotations

from functools import partial

import pytest

from components.asking import Asking
from components.yards import register
from modelyard import ModelRegistry
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.permissions import Grant, Principal
from modelyard.errors import (
    InUse,
    InvalidReference,
    InvalidRequest,
    ModelNotFound,
    PermissionDenied,
    VersionNotFound,
)
from modelyard.registry.context import Context
from modelyard.registry.lookup import find_model


@pytest.fixture
def boss(caller: EmbeddedCaller) -> ModelRegistry:
    """The registry as whoever owns it sees it."""
    return Asking(caller)


@pytest.fixture
def ana(caller: EmbeddedCaller, boss: ModelRegistry) -> ModelRegistry:
    """The registry as somebody sees it who may develop `fraud-*` and read `churn`."""
    for name in ("fraud-eu", "fraud-us", "Fraud-x", "churn", "secret"):
        register(caller, name, version="1.0.0", description="a model for cards", tags={"of": name})
    grants = (Grant(allow="developer", model="fraud-*"), Grant(allow="viewer", model="churn"))
    return Asking(caller, Principal(name="ana", proven=True, grants=grants))


@pytest.mark.feature("SEC-02")
def test_lists_hold_what_one_may_see(ana):
    seen = {"fraud-eu", "fraud-us", "churn"}
    assert {model.name for model in ana.models()} == seen
    assert {version.name for version in ana.list_models()} == seen
    assert {version.name for version in ana.search_models("cards")} == seen
    assert {event.model for event in ana.events()} == seen


@pytest.mark.feature("SEC-02")
def test_pages_of_what_one_may_see_are_full(ana):
    for list_them in (ana.models, ana.list_models, lambda limit: ana.search_models("cards", limit=limit)):
        assert [len(list_them(limit=number)) for number in (1, 2, 3, 4)] == [1, 2, 3, 3]


@pytest.mark.feature("SEC-02")
def test_narrowed_lists_hold_what_one_may_see(ana, boss):
    for name in ("fraud-eu", "churn", "secret"):
        boss.update_model(name, owner="ben", team="risk", tags={"tier": "1"})
        boss.promote_model(f"{name}/1.0.0", "staging")
    for wanted in ({"owner": "ben"}, {"team": "risk"}, {"tag": "tier=1"}, {"tag": "tier"}, {"stage": "staging"}):
        assert {model.name for model in ana.models(**wanted)} == {"fraud-eu", "churn"}
        assert {version.name for version in ana.search_models("cards", **wanted)} == {"fraud-eu", "churn"}
        assert len(boss.models(**wanted)) == len(boss.search_models("cards", **wanted)) == 3
    (doer,) = {event.actor for event in boss.events()}
    now = boss.get_history()[-1].at
    for chosen in ({"newest_first": True}, {"actor": doer}, {"until": now}, {"until": now, "newest_first": True}):
        assert {event.model for event in ana.events(**chosen)} == {"fraud-eu", "fraud-us", "churn"}


@pytest.mark.feature("SEC-02")
def test_a_model_out_of_reach_is_refused_whether_it_is_there_or_not(ana, boss):
    for name in ("secret", "nothing", "Fraud-x", "fraud"):
        with pytest.raises(PermissionDenied):
            ana.get_model(f"{name}/1.0.0")
        with pytest.raises(PermissionDenied):
            ana.describe_model(name)
    boss.set_alias("secret", "champion", "1.0.0")
    for alias in ("champion", "nothing"):
        with pytest.raises(PermissionDenied):
            ana.get_model(f"secret@{alias}")
    with pytest.raises(ModelNotFound):
        ana.describe_model("fraud-none")


@pytest.mark.feature("SEC-02")
def test_the_past_of_a_model_out_of_reach_is_refused_too(ana, boss):
    now = boss.get_model("secret/1.0.0").created_at
    for name in ("secret", "nothing"):
        for call in (
            partial(ana.get_model, f"{name}/1.0.0"),
            partial(ana.resolve, f"{name}/latest"),
            partial(ana.describe_model, name),
            partial(ana.list_versions, name),
            partial(ana.list_aliases, name),
        ):
            with pytest.raises(PermissionDenied):
                call(as_of=now)
    with pytest.raises((PermissionDenied, VersionNotFound)):
        ana.get_model(boss.get_model("secret/1.0.0").id, as_of=now)
    assert ana.get_model("churn/1.0.0", as_of=boss.get_model("churn/1.0.0").created_at).name == "churn"


@pytest.mark.feature("SEC-02")
def test_who_holds_a_version_is_not_told_across_models(caller, ana, boss):
    boss.register_version("secret", "2.0.0", parent="fraud-eu/1.0.0")
    keeper = Asking(caller, Principal(name="keeper", grants=(Grant(allow="admin", model="fraud-eu"),)))
    with pytest.raises(InUse) as held:
        keeper.delete_model("fraud-eu/1.0.0")
    assert "secret" not in str(held.value) + str(held.value.details)
    with pytest.raises(InUse, match="secret/2"):
        boss.delete_model("fraud-eu/1.0.0")


@pytest.mark.feature("SEC-02")
def test_an_id_out_of_reach_is_as_good_as_none(ana, boss):
    theirs = boss.get_model("secret/1.0.0")
    with pytest.raises(VersionNotFound):
        ana.get_model(theirs.id)
    with pytest.raises(VersionNotFound):
        ana.get_model(f"fraud-eu/{theirs.id}")
    churn = boss.get_model("churn/1.0.0")
    assert ana.get_model(churn.id).id == churn.id
    with pytest.raises(PermissionDenied):
        ana.update_model_metrics(churn.id, {"accuracy": 0.9})
    with pytest.raises(PermissionDenied):
        ana.promote_model(churn.id, "staging")


@pytest.mark.feature("SEC-02")
def test_a_digest_names_versions_that_one_may_see(caller, boss, tmp_path):
    file = tmp_path / "m.bin"
    file.write_bytes(b"shared")
    for name in ("one", "two", "three"):
        boss.register_model(file, name=name)
    digest = f"sha256:{boss.get_model('one').files[0].sha256}"
    with pytest.raises(InvalidReference) as several:
        Asking(caller, Principal(name="ana", grants=(Grant(allow="viewer", model="t*"),))).get_model(digest)
    assert all("one" not in name for name in several.value.details["versions"])
    only = Asking(caller, Principal(name="ana", grants=(Grant(allow="viewer", model="two"),)))
    assert only.get_model(digest).name == "two"
    with pytest.raises(VersionNotFound):
        Asking(caller, Principal(name="ana", grants=(Grant(allow="viewer", model="x"),))).get_model(digest)


@pytest.mark.feature("SEC-02")
def test_targets(caller, boss, ana):
    assert ana.promote_model("fraud-eu/1.0.0", "staging").to_stage == "staging"
    with pytest.raises(PermissionDenied, match="production"):
        ana.promote_model("fraud-eu/1.0.0", "production")
    with pytest.raises(PermissionDenied, match="archived"):
        ana.archive_model("fraud-eu/1.0.0")
    champion = Principal(name="bot", grants=(Grant(allow="alias.move", model="fraud-eu", alias="champion"),))
    bot = Asking(caller, champion)
    assert bot.set_alias("fraud-eu", "champion", "1.0.0").alias == "champion"
    with pytest.raises(PermissionDenied, match="canary"):
        bot.set_alias("fraud-eu", "canary", "1.0.0")
    with pytest.raises(PermissionDenied, match=r"version\.read"):
        bot.get_model("fraud-eu@champion")
    assert boss.list_aliases("fraud-eu")[0].alias == "champion"


@pytest.mark.feature("SEC-02")
def test_registering(caller, ana, tmp_path):
    ana.register_version("fraud-new", "1.0.0", create=True)
    with pytest.raises(PermissionDenied, match=r"version\.create"):
        ana.register_version("other", "1.0.0", create=True)
    with pytest.raises(PermissionDenied, match=r"version\.read"):
        ana.register_version("fraud-new", "1.1.0", parent="secret/1.0.0")
    assert ana.get_model(ana.register_version("fraud-new", "1.1.0", parent="churn/1.0.0")).parent_id
    only = Principal(name="ci", grants=(Grant(allow="version.create"), Grant(allow="version.read")))
    ci = Asking(caller, only)
    assert ci.register_version("fraud-new", "1.2.0")
    with pytest.raises(PermissionDenied, match=r"model\.create"):
        ci.register_version("brand-new", "1.0.0", create=True)
    with pytest.raises(PermissionDenied, match=r"stage\.move"):
        ci.register_version("fraud-new", "1.3.0", stage="staging")
    file = tmp_path / "m.bin"
    file.write_bytes(b"weights")
    assert ci.register_model(file, name="fraud-new")
    with pytest.raises(PermissionDenied):
        Asking(caller, Principal(name="x", grants=(Grant(allow="viewer"),))).register_model(file, name="fraud-new")


@pytest.mark.feature("SEC-02")
def test_what_is_about_all_models_takes_all_of_them(caller, ana, tmp_path):
    def export(registry: ModelRegistry) -> None:
        registry.export_registry(tmp_path / "export.json")

    for call in (ana.get_registry_stats, partial(export, ana), ana.collect_garbage, ana.list_users, ana.list_tokens):
        with pytest.raises(PermissionDenied):
            call()
    admin_of_one = Asking(caller, Principal(name="x", grants=(Grant(allow="admin", model="fraud-eu"),)))
    for call in (admin_of_one.get_registry_stats, partial(export, admin_of_one), admin_of_one.list_users):
        with pytest.raises(PermissionDenied):
            call()
    viewer = Asking(caller, Principal(name="x", grants=(Grant(allow="viewer"),)))
    assert viewer.get_registry_stats()["total_models"] == 5
    with pytest.raises(PermissionDenied):
        export(viewer)


@pytest.mark.feature("SEC-02")
def test_can_i_and_whoami(ana, boss):
    assert ana.can_i("stage.move", "fraud-eu", "Staging").allowed
    refused = ana.can_i("stage.move", "fraud-eu", "production")
    assert (refused.allowed, "production" in refused.reason) == (False, True)
    assert not ana.can_i("version.read", "*").allowed
    assert ana.can_i("version.read").allowed
    with pytest.raises(InvalidRequest, match="no permission"):
        ana.can_i("version.raed")
    told = ana.whoami()
    assert (told.name, told.proven, told.roles) == ("ana", True, ["developer", "viewer"])
    assert {grant.model for grant in told.grants} == {"fraud-*", "churn"}
    assert (boss.whoami().proven, boss.can_i("version.delete", "*").allowed) == (False, True)


@pytest.mark.feature("SEC-02")
def test_a_context_without_a_permission_finds_nothing_for_a_scoped_caller(caller, ana):
    with caller.yard.database.read() as tx:
        asking = Principal(name="ana", grants=(Grant(allow="viewer"),))
        context = Context(yard=caller.yard, tx=tx, principal=asking, now=caller.yard.clock())
        with pytest.raises(PermissionDenied):
            find_model(context, "fraud-eu")

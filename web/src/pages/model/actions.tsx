/** What one can do to a model and its versions. */

import { useLocation } from "preact-iso";
import { useEffect, useId, useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { paths } from "../../paths";
import { Action, Check, Choice, Field } from "../../ui/action";
import { line } from "../../ui/command";
import { words } from "../../words";
import { modelWords } from "../../words/model";
import { tagChanges, tagLines, type Version } from "./versions";

type Model = Schemas["ModelRecord"];
const say = modelWords;

/** Begins with fresh values each time the dialog opens: it is mounted with it. */
function OnOpen({ run }: { run: () => void }) {
  useEffect(run, []);
  return null;
}

function Lines({ label, help, value, onInput }: { label: string; help: string; value: string; onInput: (value: string) => void }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        rows={3}
        value={value}
        aria-describedby={`${id}-help`}
        onInput={(event) => {
          onInput(event.currentTarget.value);
        }}
      />
      <small id={`${id}-help`}>{help}</small>
    </div>
  );
}

const TEXTS = ["description", "owner", "team"] as const;

/** What the model's record says: its purpose, who answers for it, tags. */
export function EditModel({ model }: { model: Model }) {
  // As the record was when the dialog opened: who changed it meanwhile is not overwritten unseen.
  const [before, setBefore] = useState(model);
  const [texts, setTexts] = useState({ description: "", owner: "", team: "" });
  const [tags, setTags] = useState("");
  const put = (change: Partial<typeof texts>) => {
    setTexts((now) => ({ ...now, ...change }));
  };
  const changed = TEXTS.filter((key) => texts[key] !== before[key]);
  const changes = tagChanges(before.tags ?? {}, tags);
  const options = [
    ...changed.flatMap((key) => [`--${key}`, texts[key]]),
    ...Object.entries(changes).flatMap(([key, value]) => ["--tag", value === null ? `${key}-` : `${key}=${value}`]),
  ];
  const given = (key: (typeof TEXTS)[number]) => (changed.includes(key) ? texts[key] : null);
  const run = () =>
    answered(
      api.PATCH("/api/models/{name}", {
        params: { path: { name: model.name }, header: { ...once(), "If-Match": `"${String(before.revision)}"` } },
        // null leaves a text as it is.
        body: { description: given("description"), owner: given("owner"), team: given("team"), tags: changes },
      }),
    );
  return (
    <Action label={say.edit.label} effect={say.edit.effect} line={line("describe", model.name, ...options)} run={run}>
      <OnOpen
        run={() => {
          setBefore(model);
          setTexts({ description: model.description, owner: model.owner, team: model.team });
          setTags(tagLines(model.tags ?? {}));
        }}
      />
      <Lines
        label={say.edit.description}
        help={say.edit.descriptionHelp}
        value={texts.description}
        onInput={(description) => {
          put({ description });
        }}
      />
      <Field
        label={say.edit.owner}
        value={texts.owner}
        onInput={(owner) => {
          put({ owner });
        }}
      />
      <Field
        label={say.edit.team}
        value={texts.team}
        onInput={(team) => {
          put({ team });
        }}
      />
      <Lines label={say.edit.tags} help={say.edit.tagsHelp} value={tags} onInput={setTags} />
    </Action>
  );
}

export function RenameModel({ model, isServing }: { model: Model; isServing: boolean }) {
  const { route } = useLocation();
  const [name, setName] = useState("");
  const [force, setForce] = useState(false);
  const run = () =>
    answered(
      api.POST("/api/models/{name}/rename", {
        params: { path: { name: model.name }, header: once() },
        body: { new_name: name, force },
      }),
    );
  return (
    <Action
      label={say.rename.label}
      effect={say.rename.effect(model.name)}
      line={line("rename", model.name, name, force ? "--force" : undefined)}
      run={run}
      onDone={() => {
        route(paths.model(name), true);
      }}
    >
      <OnOpen
        run={() => {
          setName(model.name);
          setForce(false);
        }}
      />
      <Field label={say.rename.name} value={name} onInput={setName} required autoComplete="off" />
      {isServing && (
        <Check label={say.rename.force} isOn={force} onInput={setForce} />
      )}
    </Action>
  );
}

export function SetAlias({ name, versions }: { name: string; versions: readonly Version[] }) {
  const [alias, setAlias] = useState("champion");
  const [chosen, setChosen] = useState("");
  const version = chosen === "" ? (versions[0]?.version ?? "") : chosen;
  const run = () =>
    answered(
      api.PUT("/api/models/{name}/aliases/{alias}", {
        params: { path: { name, alias }, header: once() },
        body: { version },
      }),
    );
  return (
    <Action
      label={say.alias.set}
      effect={say.alias.setEffect}
      line={line("alias", name, alias, version)}
      run={run}
      disabled={versions.length === 0}
    >
      <Field label={say.alias.name} help={say.alias.nameHelp} value={alias} onInput={setAlias} required pattern="[\w\-]+" autoComplete="off" />
      <Choice
        label={say.alias.version}
        value={version}
        options={versions.map((one) => [one.version, one.version] as const)}
        onInput={setChosen}
      />
    </Action>
  );
}

export function RemoveAlias({ name, aliases }: { name: string; aliases: Readonly<Record<string, string>> }) {
  const [chosen, setChosen] = useState("");
  const names = Object.keys(aliases);
  const alias = names.includes(chosen) ? chosen : (names[0] ?? "");
  const run = () =>
    answered(api.DELETE("/api/models/{name}/aliases/{alias}", { params: { path: { name, alias }, header: once() } }));
  return (
    <Action
      label={say.alias.remove}
      effect={say.alias.removeEffect(alias, aliases[alias] ?? "")}
      line={line("alias", name, alias, "--delete")}
      run={run}
    >
      <Choice label={say.alias.name} value={alias} options={names.map((one) => [one, one] as const)} onInput={setChosen} />
    </Action>
  );
}

export function ArchiveVersion({ version }: { version: Version }) {
  const [reason, setReason] = useState("");
  const reference = `${version.name}/${version.version}`;
  const run = () =>
    answered(
      api.POST("/api/models/{reference}/archive", {
        params: { path: { reference: version.id }, header: once() },
        body: { reason },
      }),
    );
  return (
    <Action
      label={say.archive.label}
      effect={say.archive.effect(reference)}
      line={line("archive", reference, ...(reason === "" ? [] : ["--reason", reason]))}
      run={run}
    >
      <Field label={words.common.reason} help={words.common.reasonHelp} value={reason} onInput={setReason} />
    </Action>
  );
}

export function DeprecateVersion({ version }: { version: Version }) {
  const [reason, setReason] = useState("");
  const [successor, setSuccessor] = useState("");
  const reference = `${version.name}/${version.version}`;
  const run = () =>
    answered(
      api.POST("/api/models/{reference}/deprecate", {
        params: { path: { reference: version.id }, header: once() },
        body: version.deprecated ? { reason: "", successor: "", undo: true } : { reason, successor, undo: false },
      }),
    );
  if (version.deprecated) {
    return (
      <Action
        label={say.deprecate.undo}
        effect={say.deprecate.undoEffect(reference)}
        line={line("deprecate", reference, "--undo")}
        run={run}
      />
    );
  }
  const options = ["--reason", reason, ...(successor === "" ? [] : ["--successor", successor])];
  return (
    <Action
      label={say.deprecate.label}
      effect={say.deprecate.effect(reference)}
      line={line("deprecate", reference, ...options)}
      run={run}
    >
      <Field label={words.common.reason} help={words.common.reasonHelp} value={reason} onInput={setReason} required />
      <Field
        label={say.deprecate.successor}
        help={say.deprecate.successorHelp}
        value={successor}
        onInput={setSuccessor}
        autoComplete="off"
      />
    </Action>
  );
}

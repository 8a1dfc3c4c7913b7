/** Small dialogs about files: a name to save under, another name, a conflict, a tab to close, a thing to confirm. */

import { type FormEvent, useEffect, useId, useState } from "react";
import { ApiError } from "../api/http";
import { renameWorkflow } from "../api/library";
import { changed } from "../store/changes";
import { isConflict, keepMine, save, saveAs, takeTheirs } from "../store/files";
import { report } from "../store/notices";
import { type Dialog, showDialog } from "../store/shell";
import { changeTab, closeTab, documentOf, isDirty, tabOf, useTabs } from "../store/tabs";
import { texts } from "../texts/panels";
import { closeDialog } from "./focusing";
import { Modal } from "./Modal";

type Of<Kind extends Dialog["kind"]> = Extract<Dialog, { readonly kind: Kind }>;

function CancelButton() {
  return (
    <button type="button" className="button button--quiet" onClick={closeDialog}>
      {texts.common.cancel}
    </button>
  );
}

interface NameFormProps {
  readonly id: string;
  readonly name: string;
  readonly onName: (name: string) => void;
  readonly onSubmit: () => void;
}

function NameForm({ id, name, onName, onSubmit }: NameFormProps) {
  const field = useId();
  const submitted = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== "") onSubmit();
  };
  return (
    <form id={id} className="field-row" onSubmit={submitted}>
      <label className="label" htmlFor={field}>
        {texts.saveAs.name}
      </label>
      <input
        id={field}
        className="field"
        value={name}
        // biome-ignore lint/a11y/noAutofocus: the dialog was opened to type this
        autoFocus
        onFocus={(event) => event.target.select()}
        onChange={(event) => onName(event.target.value)}
      />
      <p className="hint">{texts.saveAs.hint}</p>
    </form>
  );
}

export function SaveAsDialog({ tab: id }: Of<"save-as">) {
  const form = useId();
  const tab = tabOf(id);
  const [name, setName] = useState(
    tab?.file?.name ?? (tab ? documentOf(tab).title.replaceAll("/", "-") : ""),
  );
  const [taken, setTaken] = useState<string | null>(null);
  const replace = taken === name;
  const submit = async () => {
    const outcome = await saveAs(id, name.trim(), replace);
    if (outcome === "exists") setTaken(name);
    else if (outcome === "saved") closeDialog();
  };
  return (
    <Modal
      title={texts.saveAs.title}
      footer={
        <>
          <CancelButton />
          <button type="submit" form={form} className="button button--primary" disabled={name.trim() === ""}>
            {replace ? texts.saveAs.replace : texts.saveAs.save}
          </button>
        </>
      }
    >
      <NameForm id={form} name={name} onName={setName} onSubmit={() => void submit()} />
      {replace && (
        <p className="callout callout--warning" role="alert">
          {texts.saveAs.exists(name)}
        </p>
      )}
    </Modal>
  );
}

export function RenameDialog({ name: old }: Of<"rename">) {
  const form = useId();
  const [name, setName] = useState(old);
  const [refusal, setRefusal] = useState<ApiError | null>(null);
  const submit = async () => {
    try {
      await renameWorkflow(old, name.trim());
      for (const tab of useTabs.getState().tabs) {
        if (tab.file?.name !== old) continue;
        changeTab(tab.id, ({ file, ...rest }) => ({ ...rest, file: file && { ...file, name: name.trim() } }));
      }
      changed("library");
      closeDialog();
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setRefusal(problem);
    }
  };
  return (
    <Modal
      title={texts.rename.title}
      footer={
        <>
          <CancelButton />
          <button type="submit" form={form} className="button button--primary" disabled={name.trim() === ""}>
            {texts.rename.confirm}
          </button>
        </>
      }
    >
      <NameForm id={form} name={name} onName={setName} onSubmit={() => void submit()} />
      {refusal !== null && (
        <p className="callout callout--danger" role="alert">
          {refusal.message} {refusal.hint}
        </p>
      )}
    </Modal>
  );
}

/** Both are offered, and neither is lost: theirs stays as a version, or mine as a tab of its own. */
export function ConflictDialog({ tab: id }: Of<"conflict">) {
  const name = tabOf(id)?.file?.name ?? "";
  const choose = (work: (id: string) => Promise<void>) => {
    closeDialog();
    void work(id);
  };
  return (
    <Modal title={texts.conflict.title} footer={<CancelButton />}>
      <p>{texts.conflict.text(name)}</p>
      <div className="stack choices">
        <button type="button" className="button choice" onClick={() => choose(keepMine)}>
          {texts.conflict.mine}
          <span className="hint">{texts.conflict.mineHint}</span>
        </button>
        <button type="button" className="button choice" onClick={() => choose(takeTheirs)}>
          {texts.conflict.theirs}
          <span className="hint">{texts.conflict.theirsHint}</span>
        </button>
        <button
          type="button"
          className="button choice"
          onClick={() => showDialog({ kind: "save-as", tab: id })}
        >
          {texts.conflict.copy}
        </button>
      </div>
    </Modal>
  );
}

export function CloseDialog({ tab: id }: Of<"close">) {
  const tab = tabOf(id);
  const title = tab ? documentOf(tab).title : "";
  const close = () => {
    closeDialog();
    closeTab(id);
  };
  const saved = useTabs(({ tabs }) => tabs.some((other) => other.id === id && !isDirty(other)));
  // A save that was under way has ended: there is nothing left to ask.
  useEffect(() => {
    if (!saved) return;
    showDialog(null);
    closeTab(id);
  }, [saved, id]);
  const saveAndClose = async () => {
    closeDialog();
    try {
      await save(id);
    } catch (problem) {
      if (!isConflict(problem)) report(problem);
    }
    const now = tabOf(id);
    if (now !== undefined && !isDirty(now)) closeTab(id);
  };
  return (
    <Modal
      title={texts.close.title(title)}
      footer={
        <>
          <CancelButton />
          <button type="button" className="button" onClick={close}>
            {texts.close.close}
          </button>
          <button type="button" className="button button--primary" onClick={() => void saveAndClose()}>
            {texts.close.save}
          </button>
        </>
      }
    >
      <p>{texts.close.text}</p>
    </Modal>
  );
}

export function ConfirmDialog({ title, text, label, run }: Of<"confirm">) {
  return (
    <Modal
      title={title}
      footer={
        <>
          <CancelButton />
          <button
            type="button"
            className="button button--danger"
            onClick={() => {
              closeDialog();
              run();
            }}
          >
            {label}
          </button>
        </>
      }
    >
      <p>{text}</p>
    </Modal>
  );
}

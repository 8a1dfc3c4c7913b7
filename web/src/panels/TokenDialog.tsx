/** Asks for the token of a server that wants one. */

import { type FormEvent, useId, useState } from "react";
import { ApiError } from "../api/http";
import { openSession } from "../api/system";
import { texts } from "../texts/panels";
import { Modal } from "./Modal";

export function TokenDialog() {
  const form = useId();
  const field = useId();
  const [token, setToken] = useState("");
  const [refusal, setRefusal] = useState("");
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    try {
      await openSession(token);
      // Everything that was refused is asked again; drafts keep what was done meanwhile.
      location.reload();
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setRefusal(problem.message);
    }
  };
  return (
    <Modal
      title={texts.token.title}
      footer={
        <button type="submit" form={form} className="button button--primary" disabled={token === ""}>
          {texts.token.open}
        </button>
      }
    >
      <form id={form} className="field-row" onSubmit={(event) => void submit(event)}>
        <label className="label" htmlFor={field}>
          {texts.token.label}
        </label>
        <input
          id={field}
          className="field"
          type="password"
          autoComplete="current-password"
          value={token}
          aria-invalid={refusal !== ""}
          // biome-ignore lint/a11y/noAutofocus: the dialog was opened to type this
          autoFocus
          onChange={(event) => setToken(event.target.value)}
        />
        <p className="hint">{texts.token.hint}</p>
      </form>
      {refusal !== "" && (
        <p className="callout callout--danger" role="alert">
          {refusal}
        </p>
      )}
    </Modal>
  );
}

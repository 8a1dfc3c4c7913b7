/** How a program runs the workflow of the form: a line for the shell, with the values that are shown. */

import { Copy } from "lucide-react";
import { useCallback } from "react";
import { type CallForm, curlLine, getForm } from "../api/forms";
import { literalOf } from "../documents/inputs";
import type { Document, Json } from "../documents/types";
import { copyText } from "../store/copyText";
import { useTab } from "../store/current";
import { documentOf } from "../store/tabs";
import { useLoaded } from "../store/useLoaded";
import { formTexts as t } from "../texts/form";
import { Failed, IconButton, Loading } from "./Pieces";

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

export function FormCall() {
  const tab = useTab();
  if (tab === undefined) return null;
  const file = tab.file;
  return (
    <details className="form-call">
      <summary>{t.call}</summary>
      {file === null ? (
        <p className="hint">{t.callUnsaved}</p>
      ) : (
        <Call key={`${file.name} ${file.version}`} name={file.name} document={documentOf(tab)} />
      )}
    </details>
  );
}

function Call({ name, document }: { readonly name: string; readonly document: Document }) {
  const load = useCallback(() => getForm(name), [name]);
  const [form, reload] = useLoaded(load);
  if (form.kind === "loading") return <Loading />;
  if (form.kind === "failed") return <Failed message={form.message} hint={form.hint} onRetry={reload} />;
  const line = curlLine(window.location.origin, form.value.run, valuesOf(form.value, document));
  return (
    <>
      <p className="hint">{t.callHint}</p>
      <div className="form-call__line">
        <textarea
          className="field"
          readOnly
          wrap="off"
          rows={line.split("\n").length + 1}
          aria-label={t.callLine}
          value={line}
        />
        <IconButton icon={Copy} size={14} label={t.copy} onClick={() => void copyText(line)} />
      </div>
      {!LOOPBACK.includes(window.location.hostname) && <p className="hint">{t.callToken}</p>}
      <p className="hint">{t.callSaved}</p>
    </>
  );
}

/** What the form shows now; seeds that are drawn before each run are left to the server. */
function valuesOf(form: CallForm, document: Document): Readonly<Record<string, Json>> {
  const given = form.fields.filter(({ node, input }) => document.view[node]?.seeds?.[input] !== "random");
  return Object.fromEntries(
    given.map(({ name, node, input, value }) => [
      name,
      literalOf(document.nodes[node]?.inputs[input]) ?? value,
    ]),
  );
}

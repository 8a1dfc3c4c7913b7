/** What a saved workflow was before, each version to open beside what there is. */

import { History } from "lucide-react";
import { useCallback } from "react";
import { getVersions } from "../api/library";
import { openVersion } from "../store/files";
import { useLoaded } from "../store/useLoaded";
import { dateAndTime } from "../texts/figures";
import { texts } from "../texts/panels";
import { closeDialog } from "./focusing";
import { ago } from "./format";
import { Modal } from "./Modal";
import { Empty, Failed, Loading } from "./Pieces";

export function VersionsDialog({ name }: { readonly name: string }) {
  const load = useCallback(() => getVersions(name), [name]);
  const [loaded, reload] = useLoaded(load);
  return (
    <Modal title={texts.versions.title(name)}>
      {loaded.kind === "loading" && <Loading />}
      {loaded.kind === "failed" && <Failed message={loaded.message} hint={loaded.hint} onRetry={reload} />}
      {loaded.kind === "ready" && loaded.value.length === 0 && (
        <Empty icon={History} title={texts.versions.empty} />
      )}
      {loaded.kind === "ready" && (
        <ul className="list">
          {loaded.value.map((item) => (
            <li key={item.version} className="row version">
              <span className="node-item__text">
                <span>{texts.versions.version(item.version)}</span>
                <span className="hint">
                  {dateAndTime(item.modified)} · {ago(item.modified)}
                </span>
              </span>
              <button
                type="button"
                className="button"
                onClick={() => {
                  closeDialog();
                  void openVersion(name, item.version);
                }}
              >
                {texts.versions.open}
              </button>
            </li>
          ))}
        </ul>
      )}
    </Modal>
  );
}

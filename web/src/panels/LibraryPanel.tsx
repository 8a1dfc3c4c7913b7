/** Saved workflows: open, save, rename, versions, delete. */

import {
  Clock,
  FilePlus2,
  FolderOpen,
  Library,
  PencilLine,
  Save,
  SaveAll,
  SearchX,
  Trash2,
  Upload,
} from "lucide-react";
import { useCallback, useState } from "react";
import { coverUrl, deleteWorkflow, getWorkflows } from "../api/library";
import type { LibraryItem } from "../api/types";
import { perform } from "../store/actions";
import { useChanges } from "../store/changes";
import { useTab } from "../store/current";
import { openFromLibrary } from "../store/files";
import { report } from "../store/notices";
import { useRecents } from "../store/recents";
import { showDialog } from "../store/shell";
import { changeTab, isDirty, useTabs } from "../store/tabs";
import { useLoaded } from "../store/useLoaded";
import { texts } from "../texts/panels";
import { Cover } from "./Cover";
import { ago } from "./format";
import { ItemMenu } from "./ItemMenu";
import { arrive, Empty, Failed, IconButton, Loading, PanelHeader, SearchField } from "./Pieces";

export function LibraryPanel() {
  const [query, setQuery] = useState("");
  const changes = useChanges((counts) => counts.library);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change on the server asks again
  const load = useCallback(() => getWorkflows(query), [query, changes]);
  const [loaded, reload] = useLoaded(load);
  return (
    <section ref={arrive} tabIndex={-1} className="panel" aria-label={texts.library.title}>
      <PanelHeader title={texts.library.title}>
        <IconButton icon={FilePlus2} label={texts.library.new} onClick={() => perform("file.new")} />
        <IconButton icon={Upload} label={texts.library.open} onClick={() => perform("file.open")} />
        <IconButton icon={Save} label={texts.library.save} onClick={() => perform("file.save")} />
        <IconButton icon={SaveAll} label={texts.library.saveAs} onClick={() => perform("file.saveAs")} />
      </PanelHeader>
      <div className="panel__search">
        <SearchField label={texts.library.search} value={query} onChange={setQuery} />
      </div>
      <div className="panel__body">
        {loaded.kind === "loading" && <Loading />}
        {loaded.kind === "failed" && <Failed message={loaded.message} hint={loaded.hint} onRetry={reload} />}
        {loaded.kind === "ready" && <Items items={loaded.value} query={query} onChange={reload} />}
      </div>
    </section>
  );
}

interface ItemsProps {
  readonly items: readonly LibraryItem[];
  readonly query: string;
  readonly onChange: () => void;
}

function folderOf(name: string): string {
  return name.split("/").slice(0, -1).join("/");
}

function Items({ items, query, onChange }: ItemsProps) {
  const recents = useRecents((state) => state.names);
  if (items.length === 0) {
    return query === "" ? (
      <Empty icon={Library} title={texts.library.empty} hint={texts.library.emptyHint} />
    ) : (
      <Empty icon={SearchX} title={texts.common.nothing} />
    );
  }
  const recent =
    query === "" ? recents.flatMap((name) => items.find((item) => item.name === name) ?? []) : [];
  const folders = [...new Set(items.map((item) => folderOf(item.name)))].sort();
  const groups = folders.map((folder) => (
    <div key={folder}>
      {folder !== "" && (
        <h3 className="list__heading">
          <FolderOpen size={13} aria-hidden /> {folder}
        </h3>
      )}
      <ul className="list">
        {items
          .filter((item) => folderOf(item.name) === folder)
          .map((item) => (
            <Item key={item.name} item={item} onChange={onChange} />
          ))}
      </ul>
    </div>
  ));
  // Among few, the eye is faster than a list of the last ones.
  if (recent.length === 0 || items.length <= RECENT_FROM) return groups;
  return (
    <>
      <h3 className="list__heading">
        <Clock size={13} aria-hidden /> {texts.library.recent}
      </h3>
      <ul className="list">
        {recent.slice(0, RECENT_SHOWN).map((item) => (
          <Item key={item.name} item={item} onChange={onChange} />
        ))}
      </ul>
      <h3 className="list__heading">{texts.library.all}</h3>
      {groups}
    </>
  );
}

const RECENT_FROM = 5;
const RECENT_SHOWN = 4;

function Item({ item, onChange }: { readonly item: LibraryItem; readonly onChange: () => void }) {
  const open = useTab()?.file?.name === item.name;
  const dirty = useTabs((state) => state.tabs.some((tab) => tab.file?.name === item.name && isDirty(tab)));
  const remove = async () => {
    try {
      await deleteWorkflow(item.name);
      detach(item.name);
      onChange();
    } catch (problem) {
      report(problem);
    }
  };
  return (
    <li className="file-item">
      <button
        type="button"
        className="list__item"
        data-selected={open}
        title={item.description}
        onClick={() => void openFromLibrary(item.name)}
      >
        <Cover url={item.cover === null ? undefined : coverUrl(item.name, item.cover)} />
        <span className="node-item__text">
          <span className="ellipsis">
            {item.title}
            {dirty && <span className="dirty" role="img" aria-label={texts.library.unsaved} />}
          </span>
          <span className="hint ellipsis">
            {[item.name, ago(item.modified), ...item.tags.map((tag) => `#${tag}`)].join(" · ")}
          </span>
        </span>
      </button>
      <ItemMenu
        label={item.title}
        entries={[
          {
            icon: Clock,
            label: texts.library.versions,
            run: () => showDialog({ kind: "versions", name: item.name }),
          },
          {
            icon: PencilLine,
            label: texts.library.rename,
            run: () => showDialog({ kind: "rename", name: item.name }),
          },
          {
            icon: Trash2,
            label: texts.common.delete,
            danger: true,
            run: () =>
              showDialog({
                kind: "confirm",
                title: texts.library.removeTitle(item.name),
                text: texts.library.removeText,
                label: texts.common.delete,
                run: () => void remove(),
              }),
          },
        ]}
      />
    </li>
  );
}

/** A tab whose file is gone goes on without one: its next save asks for a name. */
function detach(name: string): void {
  for (const tab of useTabs.getState().tabs) {
    if (tab.file?.name === name) changeTab(tab.id, (current) => ({ ...current, file: null, saved: null }));
  }
}

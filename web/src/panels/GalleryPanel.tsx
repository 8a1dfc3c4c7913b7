/** What all runs made, newest first. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { Film, Images, RefreshCw, SearchX } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { Artifact } from "../api/types";
import { useChanges } from "../store/changes";
import { loadMore, refreshGallery, useGallery } from "../store/gallery";
import { showDialog } from "../store/shell";
import { texts } from "../texts/panels";
import { resultTexts } from "../texts/results";
import { ResultThumbnail } from "../widgets/Result";
import { ago } from "./format";
import { arrive, Empty, IconButton, Loading, PanelHeader, SearchField } from "./Pieces";

const CELL = 128;
const GAP = 8;
const SETTLE_MS = 250;
const FOLDERS: readonly Artifact["folder"][] = ["output", "temp"];

export function GalleryPanel() {
  const { items, state, query, folder } = useGallery();
  const [typed, setTyped] = useState(query);
  const changes = useChanges((counts) => counts.pictures);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change on the server asks again
  useEffect(() => {
    const timer = setTimeout(() => void refreshGallery({ query: typed }), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [typed, changes]);
  return (
    <section ref={arrive} tabIndex={-1} className="panel" aria-label={texts.gallery.title}>
      <PanelHeader title={texts.gallery.title}>
        <IconButton icon={RefreshCw} label={texts.common.retry} onClick={() => void refreshGallery()} />
      </PanelHeader>
      <div className="panel__search">
        <SearchField label={texts.gallery.search} value={typed} onChange={setTyped} />
        <fieldset className="segments gallery__folders">
          <legend className="visually-hidden">{texts.gallery.which}</legend>
          {FOLDERS.map((name) => (
            <label key={name} className="segment">
              <input
                type="radio"
                name="gallery-folder"
                checked={folder === name}
                onChange={() => void refreshGallery({ folder: name })}
              />
              <span>{texts.gallery.folders[name]}</span>
            </label>
          ))}
        </fieldset>
      </div>
      {items.length > 0 ? (
        <Grid items={items} />
      ) : (
        <div className="panel__body">
          {(state === "new" || state === "loading") && <Loading />}
          {state === "ready" && query !== "" && <Empty icon={SearchX} title={texts.common.nothing} />}
          {state === "ready" && query === "" && (
            <Empty icon={Images} title={texts.gallery.empty} hint={texts.gallery.emptyHint} />
          )}
        </div>
      )}
    </section>
  );
}

/** Rows of pictures; only those in sight are in the page. */
function Grid({ items }: { readonly items: readonly Artifact[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(CELL * 2);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth - GAP * 3));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const columns = Math.max(2, Math.floor((width + GAP) / (CELL + GAP)));
  const size = Math.floor((width - GAP * (columns - 1)) / columns);
  const rows = useVirtualizer({
    count: Math.ceil(items.length / columns),
    getScrollElement: () => scroller.current,
    estimateSize: () => size + GAP,
    overscan: 3,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a row of another height is measured anew
  useEffect(() => rows.measure(), [size]);
  const last = rows.getVirtualItems().at(-1)?.index ?? 0;
  useEffect(() => {
    if ((last + 2) * columns >= items.length) void loadMore();
  }, [last, columns, items.length]);
  return (
    <div className="panel__body gallery" ref={scroller}>
      <ul className="gallery__rows" style={{ height: rows.getTotalSize() }}>
        {rows
          .getVirtualItems()
          .flatMap((row) =>
            items
              .slice(row.index * columns, (row.index + 1) * columns)
              .map((item, place) => (
                <Cell key={item.id} item={item} size={size} left={place * (size + GAP)} top={row.start} />
              )),
          )}
      </ul>
    </div>
  );
}

interface CellProps {
  readonly item: Artifact;
  readonly size: number;
  readonly left: number;
  readonly top: number;
}

function Cell({ item, size, left, top }: CellProps) {
  return (
    <li
      className="gallery__cell"
      style={{ width: size, height: size, transform: `translate(${left}px, ${top}px)` }}
    >
      <button
        type="button"
        aria-label={texts.gallery.open(item.name)}
        title={[item.title, ago(item.created)].filter((text) => text !== "").join("\n")}
        onClick={() => showDialog({ kind: "picture", artifact: item.id })}
      >
        <ResultThumbnail artifact={item} />
        {item.kind === "animation" && (
          <span className="gallery__moves" title={resultTexts.moving}>
            <Film size={12} aria-hidden />
          </span>
        )}
      </button>
    </li>
  );
}

/** One picture, large: with what made it, its neighbours, and a slider to compare it with another. */

import {
  ChevronLeft,
  ChevronRight,
  Columns2,
  Download,
  Maximize,
  Minimize,
  Trash2,
  Workflow,
} from "lucide-react";
import { type KeyboardEvent, useCallback, useEffect, useState } from "react";
import { contentUrl, getArtifact, thumbnailUrl } from "../api/pictures";
import type { Artifact } from "../api/types";
import { openPictureWorkflow } from "../store/files";
import { refreshGallery, removePicture, useGallery } from "../store/gallery";
import { type Dialog, showDialog } from "../store/shell";
import { texts } from "../texts/panels";
import { ago, byteSize } from "./format";
import { closeDialog, Modal } from "./Modal";
import { Failed, IconButton, Loading } from "./Pieces";
import { useLoaded } from "./useLoaded";

type PictureProps = Extract<Dialog, { kind: "picture" }>;

export function PictureDialog({ artifact: id, compare }: PictureProps) {
  const load = useCallback(() => getArtifact(id), [id]);
  const [loaded, reload] = useLoaded(load);
  const items = useGallery((state) => state.items);
  const [choosing, setChoosing] = useState(false);
  const [actual, setActual] = useState(false);
  useEffect(() => {
    if (useGallery.getState().state === "new") void refreshGallery();
  }, []);
  const place = items.findIndex((item) => item.id === id);
  const go = (step: number) => {
    const next = items[place + step];
    if (place >= 0 && next !== undefined) show(next.id, compare);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.target instanceof HTMLInputElement) return;
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  };
  return (
    <Modal
      wide
      bare
      title={loaded.kind === "ready" ? loaded.value.title || loaded.value.name : texts.gallery.picture}
      tools={
        <>
          <IconButton
            icon={ChevronLeft}
            label={texts.gallery.previous}
            disabled={place <= 0}
            onClick={() => go(-1)}
          />
          <IconButton
            icon={ChevronRight}
            label={texts.gallery.next}
            disabled={place < 0 || place >= items.length - 1}
            onClick={() => go(1)}
          />
          <IconButton
            icon={Columns2}
            label={compare === undefined ? texts.gallery.compare : texts.gallery.stopComparing}
            aria-pressed={compare !== undefined || choosing}
            onClick={() => {
              if (compare !== undefined) show(id, undefined);
              setChoosing(compare === undefined && !choosing);
            }}
          />
          <IconButton
            icon={actual ? Minimize : Maximize}
            label={actual ? texts.gallery.fit : texts.gallery.actual}
            onClick={() => setActual(!actual)}
          />
        </>
      }
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: arrow keys turn the pages of the whole dialog */}
      <div className="picture" onKeyDown={onKey}>
        <div className="picture__stage" data-actual={actual}>
          {compare === undefined ? (
            <img src={contentUrl(id)} alt={loaded.kind === "ready" ? loaded.value.title : ""} />
          ) : (
            <Compared left={id} right={compare} />
          )}
        </div>
        <div className="picture__side">
          {loaded.kind === "loading" && <Loading />}
          {loaded.kind === "failed" && (
            <Failed message={loaded.message} hint={loaded.hint} onRetry={reload} />
          )}
          {loaded.kind === "ready" && <Facts artifact={loaded.value} />}
        </div>
        {choosing && (
          <Strip items={items.filter((item) => item.id !== id)} onPick={(other) => show(id, other)} />
        )}
      </div>
    </Modal>
  );
}

function show(artifact: string, compare: string | undefined): void {
  showDialog(compare === undefined ? { kind: "picture", artifact } : { kind: "picture", artifact, compare });
}

function Facts({ artifact }: { readonly artifact: Artifact }) {
  const { id, name, width, height, bytes, created, node, title } = artifact;
  const rows: readonly (readonly [string, string])[] = [
    [texts.gallery.file, name],
    [
      texts.gallery.size,
      [width !== null && height !== null ? `${width} × ${height}` : "", byteSize(bytes)].join("  ").trim(),
    ],
    [texts.gallery.made, `${new Date(created * 1000).toLocaleString()} (${ago(created)})`],
    [texts.gallery.from, title],
    [texts.gallery.node, node],
  ];
  return (
    <>
      <dl className="facts">
        {rows.map(([term, text]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <div className="stack">
        <button
          type="button"
          className="button button--primary"
          onClick={() => {
            closeDialog();
            void openPictureWorkflow(id);
          }}
        >
          <Workflow size={15} aria-hidden /> {texts.gallery.workflow}
        </button>
        <a className="button" href={contentUrl(id)} download={name}>
          <Download size={15} aria-hidden /> {texts.gallery.download}
        </a>
        <button type="button" className="button button--danger" onClick={() => confirmRemoval(id)}>
          <Trash2 size={15} aria-hidden /> {texts.common.delete}
        </button>
      </div>
    </>
  );
}

function confirmRemoval(id: string): void {
  showDialog({
    kind: "confirm",
    title: texts.gallery.removeTitle,
    text: texts.gallery.removeText,
    label: texts.common.delete,
    run: () => void removePicture(id),
  });
}

/** Two pictures in one place; the slider says where one ends. */
function Compared({ left, right }: { readonly left: string; readonly right: string }) {
  const [share, setShare] = useState(50);
  return (
    <div className="compared">
      <img src={contentUrl(right)} alt="" />
      <img
        src={contentUrl(left)}
        alt=""
        className="compared__over"
        style={{ clipPath: `inset(0 ${100 - share}% 0 0)` }}
      />
      <div className="compared__line" style={{ left: `${share}%` }} aria-hidden />
      <input
        type="range"
        className="compared__slider"
        min={0}
        max={100}
        step={0.5}
        value={share}
        aria-label={texts.gallery.slider}
        onChange={(event) => setShare(Number(event.target.value))}
      />
    </div>
  );
}

const STRIP = 30;

function Strip({
  items,
  onPick,
}: {
  readonly items: readonly Artifact[];
  readonly onPick: (id: string) => void;
}) {
  return (
    <div className="picture__strip">
      <p className="hint">{texts.gallery.compareWith}</p>
      <ul>
        {items.slice(0, STRIP).map((item) => (
          <li key={item.id}>
            <button type="button" aria-label={texts.gallery.open(item.name)} onClick={() => onPick(item.id)}>
              <img src={thumbnailUrl(item.id, 128)} alt="" loading="lazy" />
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

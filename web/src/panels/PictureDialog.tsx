/** One result, large: with what made it, its neighbours, and a slider to compare it with another. */

import {
  ChevronLeft,
  ChevronRight,
  Columns2,
  Download,
  Layers,
  Maximize,
  Minimize,
  PictureInPicture2,
  Trash2,
  Workflow,
} from "lucide-react";
import { type KeyboardEvent, useCallback, useEffect, useState } from "react";
import { contentUrl, getArtifact, isLarge, isPicture, isSized, isText, thumbnailUrl } from "../api/pictures";
import type { Artifact } from "../api/types";
import { openPictureWorkflow } from "../store/files";
import { refreshGallery, removePicture, useGallery } from "../store/gallery";
import { SHOWN_BYTES } from "../store/resultText";
import { type Dialog, showDialog } from "../store/shell";
import { useLoaded } from "../store/useLoaded";
import { byteSize, dateAndTime } from "../texts/figures";
import { texts } from "../texts/panels";
import { resultTexts } from "../texts/results";
import { stageTexts } from "../texts/stages";
import { ResultText, resultIcon } from "../widgets/Result";
import { Compared } from "./Compared";
import { closeDialog } from "./focusing";
import { ago } from "./format";
import { LargePicture } from "./LargePicture";
import { Modal } from "./Modal";
import { Empty, Failed, IconButton, Loading } from "./Pieces";

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
  const picture = loaded.kind === "ready" && isPicture(loaded.value);
  // A large one is zoomed by wheel and fingers instead.
  const whole = picture && !isLarge(loaded.value);
  const onKey = (event: KeyboardEvent) => {
    // In these the arrows move a slider, a film or a text.
    if (event.target instanceof Element && event.target.matches("input, video, audio, pre")) return;
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
          {picture && isSized(loaded.value) && (
            <IconButton
              icon={Columns2}
              label={compare === undefined ? texts.gallery.compare : texts.gallery.stopComparing}
              aria-pressed={compare !== undefined || choosing}
              onClick={() => {
                if (compare !== undefined) show(id, undefined);
                setChoosing(compare === undefined && !choosing);
              }}
            />
          )}
          {compare !== undefined && (
            <IconButton
              icon={PictureInPicture2}
              label={stageTexts.beside}
              onClick={() => showDialog({ kind: "beside", left: id, right: compare })}
            />
          )}
          {whole && compare === undefined && (
            <IconButton
              icon={actual ? Minimize : Maximize}
              label={actual ? texts.gallery.fit : texts.gallery.actual}
              onClick={() => setActual(!actual)}
            />
          )}
        </>
      }
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: arrow keys turn the pages of the whole dialog */}
      <div className="picture" onKeyDown={onKey}>
        <div className="picture__stage" data-actual={actual}>
          {compare !== undefined ? (
            <Compared left={id} right={compare} />
          ) : (
            loaded.kind === "ready" && <Whole artifact={loaded.value} />
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
          <Strip
            items={items.filter((item) => item.id !== id && isPicture(item) && isSized(item))}
            onPick={(other) => show(id, other)}
          />
        )}
      </div>
    </Modal>
  );
}

/** The result itself. */
function Whole({ artifact }: { readonly artifact: Artifact }) {
  const { id, kind, name, bytes } = artifact;
  if (kind === "image" && isLarge(artifact) && isSized(artifact))
    return <LargePicture key={id} picture={artifact} />;
  if (isPicture(artifact)) return <img src={contentUrl(id)} alt={name} />;
  if (kind === "video") {
    // biome-ignore lint/a11y/useMediaCaption: what a run made has no captions
    return <video src={contentUrl(id)} controls loop aria-label={name} />;
  }
  // biome-ignore lint/a11y/useMediaCaption: what a run made has no captions
  if (kind === "audio") return <audio src={contentUrl(id)} controls aria-label={name} />;
  if (!isText(artifact)) {
    const Icon = resultIcon(artifact);
    return <Empty icon={Icon} title={name} hint={byteSize(bytes)} />;
  }
  return (
    <div className="picture__text">
      {bytes > SHOWN_BYTES && (
        <p className="hint">{resultTexts.cut(byteSize(SHOWN_BYTES), byteSize(bytes))}</p>
      )}
      <ResultText artifact={artifact} />
    </div>
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
    [texts.gallery.made, `${dateAndTime(created)} (${ago(created)})`],
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
        {isPicture(artifact) && (
          <button
            type="button"
            className="button"
            onClick={() => showDialog({ kind: "stages", node, job: artifact.job })}
          >
            <Layers size={15} aria-hidden /> {stageTexts.action}
          </button>
        )}
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

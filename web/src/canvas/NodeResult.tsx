/** What a node made, small: a picture of at most 256 pixels, a text, or the name of a file. */

import { Copy, Download, FileText, ImageIcon, Maximize2, Package } from "lucide-react";
import { useState } from "react";
import { contentUrl, isPicture, isText, thumbnailUrl } from "../api/pictures";
import type { Artifact } from "../api/types";
import type { NodeRun } from "../runs/types";
import { copyText } from "../store/copyText";
import { useResultText } from "../store/resultText";
import { showDialog } from "../store/shell";
import { canvasTexts } from "../texts/canvas";
import { resultTexts as t } from "../texts/results";
import { ResultText, resultIcon } from "../widgets/Result";
import type { ResultKind } from "./shape";

interface NodeResultProps {
  readonly run: NodeRun | undefined;
  /** What is to come, while there is nothing yet. */
  readonly shows: ResultKind;
  readonly title: string;
}

const MOST_PAGES = 16;

export function NodeResult({ run, shows, title }: NodeResultProps) {
  const results = run?.artifacts ?? [];
  const [chosen, setChosen] = useState(0);
  const shown = results[Math.min(chosen, results.length - 1)];
  if (shown === undefined) return <Nothing shows={shows} />;
  return (
    <div className="shown">
      <Shown result={shown} title={title} />
      {results.length > 1 && (
        <div className="shown__pages">
          {results.slice(0, MOST_PAGES).map((result, index) => (
            <button
              key={result.id}
              type="button"
              aria-label={result.name}
              aria-pressed={result === shown}
              onClick={() => setChosen(index)}
            />
          ))}
        </div>
      )}
    </div>
  );
}

const SIGNS = { picture: ImageIcon, text: FileText, file: Package };
const WAITING = { picture: canvasTexts.picture, text: t.text, file: t.file };

function Nothing({ shows }: { readonly shows: ResultKind }) {
  const Icon = SIGNS[shows];
  return (
    <div className="shown shown--empty" data-shows={shows}>
      <Icon size={shows === "file" ? 15 : 22} aria-hidden="true" />
      <span>{WAITING[shows]}</span>
    </div>
  );
}

interface ShownProps {
  readonly result: Artifact;
  readonly title: string;
}

function Shown({ result, title }: ShownProps) {
  if (isPicture(result)) return <ShownPicture result={result} title={title} />;
  return isText(result) ? <ShownText result={result} title={title} /> : <ShownFile result={result} />;
}

function open(result: Artifact): void {
  showDialog({ kind: "picture", artifact: result.id });
}

function ShownPicture({ result, title }: ShownProps) {
  const { id, kind, name, width, height } = result;
  // What moves is shown whole: a thumbnail of it would stand still.
  const address = kind === "animation" ? contentUrl(id) : thumbnailUrl(id, 256);
  return (
    <>
      <button
        type="button"
        className="shown__open"
        aria-label={`${title}: ${name}`}
        onClick={() => open(result)}
      >
        <img src={address} alt={name} />
      </button>
      {width && height ? <span className="shown__size">{`${width} × ${height}`}</span> : null}
    </>
  );
}

function ShownText({ result, title }: ShownProps) {
  const loaded = useResultText(result);
  return (
    <div className="shown__text">
      <ResultText artifact={result} />
      <div className="shown__tools">
        <button
          type="button"
          className="icon-button"
          aria-label={`${title}: ${result.name}`}
          title={t.open}
          onClick={() => open(result)}
        >
          <Maximize2 size={13} aria-hidden="true" />
        </button>
        {loaded.kind === "ready" && "clipboard" in navigator && (
          <button
            type="button"
            className="icon-button"
            aria-label={t.copy}
            title={t.copy}
            onClick={() => void copyText(loaded.value)}
          >
            <Copy size={13} aria-hidden="true" />
          </button>
        )}
      </div>
    </div>
  );
}

function ShownFile({ result }: { readonly result: Artifact }) {
  const Icon = resultIcon(result);
  return (
    <div className="shown__file">
      <Icon size={16} aria-hidden="true" />
      <button type="button" className="link ellipsis" onClick={() => open(result)}>
        {result.name}
      </button>
      <a className="icon-button" href={contentUrl(result.id)} download={result.name} aria-label={t.download}>
        <Download size={14} aria-hidden="true" />
      </a>
    </div>
  );
}

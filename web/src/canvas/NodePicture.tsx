/** The pictures that a node made, small: never more than 256 pixels on the canvas. */

import { ImageIcon } from "lucide-react";
import { useState } from "react";
import { thumbnailUrl } from "../api/pictures";
import type { Artifact } from "../api/types";
import type { NodeRun } from "../runs/types";
import { showDialog } from "../store/shell";
import { canvasTexts } from "../texts/canvas";

interface NodePictureProps {
  readonly run: NodeRun | undefined;
  readonly height: number;
  readonly title: string;
}

export function NodePicture({ run, title }: NodePictureProps) {
  const pictures = (run?.artifacts ?? []).filter((artifact) => artifact.kind === "image");
  const [chosen, setChosen] = useState(0);
  const shown = pictures[Math.min(chosen, pictures.length - 1)];
  if (shown === undefined) {
    return (
      <div className="shown shown--empty">
        <ImageIcon size={22} aria-hidden="true" />
        <span>{canvasTexts.picture}</span>
      </div>
    );
  }
  return (
    <div className="shown">
      <button
        type="button"
        className="shown__open"
        aria-label={`${title}: ${shown.name}`}
        onClick={() => showDialog({ kind: "picture", artifact: shown.id })}
      >
        <img src={thumbnailUrl(shown.id, 256)} alt={shown.name} />
      </button>
      {sizeOf(shown) && <span className="shown__size">{sizeOf(shown)}</span>}
      {pictures.length > 1 && (
        <div className="shown__pages">
          {pictures.slice(0, 16).map((picture, index) => (
            <button
              key={picture.id}
              type="button"
              aria-label={picture.name}
              aria-pressed={picture === shown}
              onClick={() => setChosen(index)}
            />
          ))}
        </div>
      )}
    </div>
  );
}

function sizeOf({ width, height }: Artifact): string | undefined {
  return width && height ? `${width} × ${height}` : undefined;
}

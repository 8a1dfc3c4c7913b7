/** A picture among the user's inputs, small. */

import { ImageUp } from "lucide-react";
import { useState } from "react";
import { inputThumbnailUrl } from "../api/pictures";
import { canvasTexts } from "../texts/canvas";

export function ImagePreview({ name }: { name: string }) {
  const [broken, setBroken] = useState<string>();
  if (name === "" || broken === name) {
    return (
      <div className="shown shown--empty">
        <ImageUp size={22} aria-hidden="true" />
        <span>{name === "" ? canvasTexts.dropPicture : canvasTexts.missingFile}</span>
      </div>
    );
  }
  return (
    <div className="shown">
      <img src={inputThumbnailUrl(name, 256)} alt={name} draggable={false} onError={() => setBroken(name)} />
    </div>
  );
}

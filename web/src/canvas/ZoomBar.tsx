/** How near the canvas is, and the ways to change it. */

import { Map as MapIcon, Maximize, Minus, Plus } from "lucide-react";
import { changeSettings, useSettings } from "../store/settings";
import { canvasTexts } from "../texts/canvas";
import { useStage } from "./stage";
import { fitAll, zoomBy, zoomTo } from "./viewport";

export function ZoomBar() {
  const percent = useStage((state) => Math.round(state.camera.zoom * 100));
  const minimap = useSettings((state) => state.minimap);
  return (
    <div className="zoom-bar" role="toolbar" aria-label={canvasTexts.zoomIn}>
      <button
        type="button"
        className="icon-button"
        aria-label={canvasTexts.zoomOut}
        title={canvasTexts.zoomOut}
        onClick={() => zoomBy(0.8)}
      >
        <Minus size={15} />
      </button>
      <button
        type="button"
        className="zoom-bar__percent"
        title={canvasTexts.zoomFull}
        onClick={() => zoomTo(1)}
      >
        {percent} %
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={canvasTexts.zoomIn}
        title={canvasTexts.zoomIn}
        onClick={() => zoomBy(1.25)}
      >
        <Plus size={15} />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={canvasTexts.fit}
        title={canvasTexts.fit}
        onClick={() => fitAll()}
      >
        <Maximize size={14} />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={canvasTexts.minimap}
        title={canvasTexts.minimap}
        aria-pressed={minimap}
        onClick={() => changeSettings({ minimap: !minimap })}
      >
        <MapIcon size={14} />
      </button>
    </div>
  );
}

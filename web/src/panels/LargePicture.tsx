/** A picture too large to be given to the browser whole: what is in sight of it, moved and zoomed by hand. */

import { useMemo, useRef, useState } from "react";
import type { SizedArtifact } from "../api/pictures";
import type { Point } from "../documents/types";
import { mostZoom, WHOLE } from "./looking";
import { StagePane } from "./StagePane";
import { useSize } from "./useSize";
import "./stages.css";

export function LargePicture({ picture }: { readonly picture: SizedArtifact }) {
  const room = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(room);
  const [look, setLook] = useState(WHOLE);
  const most = mostZoom({ width: Math.max(1, width), height: Math.max(1, height) }, picture);
  const pane = useMemo(() => ({ width, height, mostZoom: most }), [width, height, most]);
  return (
    <div ref={room} className="picture__large">
      {width > 0 && (
        <StagePane
          title={picture.name}
          {...{ picture, look, pane }}
          sharp
          spot={null}
          onLook={setLook}
          onSpot={ignore}
        />
      )}
    </div>
  );
}

/** One picture alone: the pointer's place shows nowhere else. */
function ignore(_: Point | null): void {}

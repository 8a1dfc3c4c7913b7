/** What is drawn above the nodes: the wire in the air with its refusal, and the selection box. */

import { dye } from "./dyes";
import { toScreen, useStage } from "./stage";
import { useTheme } from "./theme";
import { curve } from "./threads";

export function Overlay() {
  return (
    <>
      <LooseThread />
      <Lasso />
    </>
  );
}

function LooseThread() {
  const drawn = useStage((state) => state.pending);
  const adding = useStage((state) => state.adding);
  // While the search for a node is open, the wire that it is for stays in sight.
  const pending =
    drawn ?? (adding?.wire && { ...adding.wire, end: adding.at, target: undefined, refusal: undefined });
  const camera = useStage((state) => state.camera);
  const theme = useTheme();
  if (pending === undefined) return null;
  const [a, b] = pending.from.side === "out" ? [pending.start, pending.end] : [pending.end, pending.start];
  const path = curve(toScreen(a, camera), toScreen(b, camera))
    .map(([p, q, r, s]) => `M${p.join(" ")}C${q.join(" ")} ${r.join(" ")} ${s.join(" ")}`)
    .join("");
  const [x, y] = toScreen(pending.end, camera);
  const colour = dye(pending.type, theme);
  return (
    <>
      <svg className="overlay" aria-hidden="true">
        <path d={path} className="loose-thread__rim" />
        <path
          d={path}
          className="loose-thread"
          stroke={colour}
          data-aimed={pending.target ? true : undefined}
        />
        <circle cx={x} cy={y} r={pending.target ? 7 : 5} fill={colour} />
      </svg>
      {pending.refusal && (
        <div
          className="tooltip refusal"
          style={{ transform: `translate(${x + 16}px, ${y + 14}px)` }}
          role="status"
        >
          {pending.refusal}
        </div>
      )}
    </>
  );
}

function Lasso() {
  const lasso = useStage((state) => state.lasso);
  const camera = useStage((state) => state.camera);
  if (lasso === undefined) return null;
  const [x, y] = toScreen([lasso.x, lasso.y], camera);
  const size = { width: lasso.width * camera.zoom, height: lasso.height * camera.zoom };
  return <div className="lasso" style={{ transform: `translate(${x}px, ${y}px)`, ...size }} />;
}

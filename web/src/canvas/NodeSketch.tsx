/** A node as it would look on the canvas, small and lifeless. */

import type { CSSProperties } from "react";
import type { NodeSpec } from "../catalogue/types";
import { emptyValue } from "../widgets/kinds";
import { ValueText } from "../widgets/ValueText";
import { dye, hueOf, portShape } from "./dyes";
import { drawnType } from "./fitting";
import { shapeOf } from "./shape";
import { useTheme } from "./theme";

const WIDTH = 208;

interface NodeSketchProps {
  readonly spec: NodeSpec;
  /** The port that a waiting wire would take. */
  readonly lit?: string;
}

export function NodeSketch({ spec, lit }: NodeSketchProps) {
  const theme = useTheme();
  const shape = shapeOf({ type: spec.id, version: spec.version, inputs: {} }, spec, {
    x: 0,
    y: 0,
    width: 240,
  });
  const scale = Math.min(WIDTH / shape.width, 250 / shape.height);
  return (
    <div
      className="sketch"
      style={{ width: shape.width * scale, height: shape.height * scale }}
      aria-hidden="true"
    >
      <div
        className="node"
        style={
          {
            "--hue": hueOf(spec.category, theme),
            width: shape.width,
            height: shape.height,
            transform: `scale(${scale})`,
          } as CSSProperties
        }
      >
        <div className="node__head">
          <span className="node__title">{spec.title}</span>
        </div>
        {shape.rows.map((row) => (
          <div
            key={row.y}
            className={row.kind === "sockets" ? "node__sockets" : "node__widget"}
            style={{ top: row.y, height: row.height }}
          >
            {row.kind === "sockets" && (
              <>
                <span className="node__port-name">{row.input?.label}</span>
                <span className="node__port-name">{row.output?.label}</span>
              </>
            )}
            {row.kind === "widget" && <ValueText input={row.input} value={emptyValue(row.input)} />}
          </div>
        ))}
        {[...shape.inputs.values(), ...shape.outputs.values()].map((port) => (
          <span
            key={`${port.side}${port.name}`}
            className={`port port--${portShape(drawnType(port.spec))}`}
            data-shy={
              (port.side === "in" && !("socket" in port.spec && port.spec.socket) && port.name !== lit) ||
              undefined
            }
            data-aimed={port.name === lit || undefined}
            style={
              {
                left: port.side === "in" ? 0 : shape.width,
                top: port.y,
                "--dye": dye(drawnType(port.spec), theme),
              } as CSSProperties
            }
          />
        ))}
      </div>
    </div>
  );
}

/** A port: its shape and its dye say its type. */

import type { CSSProperties } from "react";
import type { NodeId } from "../documents/types";
import { dye, portShape, type Theme } from "./dyes";
import { drawnType } from "./fitting";
import type { Port } from "./shape";
import { pressPort } from "./wiring";

interface PortDotProps {
  readonly id: NodeId;
  readonly port: Port;
  readonly width: number;
  readonly theme: Theme;
  readonly fits: boolean;
  readonly aimed: boolean;
  /** Seen only when it is wired, or when a wire may end here. */
  readonly shy: boolean;
  readonly wired: boolean;
}

export function PortDot({ id, port, width, theme, fits, aimed, shy, wired }: PortDotProps) {
  const type = drawnType(port.spec);
  const many = "list" in port.spec ? port.spec.list || port.spec.all : port.spec.each;
  const place = {
    left: port.side === "in" ? 0 : width,
    top: port.y,
    "--dye": dye(type, theme),
  } as CSSProperties;
  return (
    <span
      className={`port port--${portShape(type)}`}
      style={place}
      data-interactive
      data-port={`${port.side}:${port.name}`}
      data-fits={fits || undefined}
      data-aimed={aimed || undefined}
      data-shy={(shy && !wired) || undefined}
      data-many={many || undefined}
      data-wired={wired || undefined}
      title={`${port.spec.label} · ${type === "*" ? "any" : type}${port.spec.help ? `\n${port.spec.help}` : ""}`}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.stopPropagation();
        pressPort({ node: id, side: port.side, name: port.name }, event.nativeEvent);
      }}
    />
  );
}

/** A value at rest: it looks like its control, and costs next to nothing. */

import { ChevronDown, Dices, Repeat } from "lucide-react";
import type { CSSProperties } from "react";
import type { InputSpec } from "../catalogue/types";
import type { Json } from "../documents/types";
import { colourText } from "./ColourField";
import { ImagePreview } from "./ImagePreview";
import { boundsOf, hasBar, widgetKind } from "./kinds";
import { numberText } from "./numbers";

export function plainText(value: Json, whole = false): string {
  if (typeof value === "number" || typeof value === "bigint") return numberText(value, whole);
  if (typeof value === "string") return value;
  return value === null ? "" : JSON.stringify(value);
}

interface ValueTextProps {
  readonly input: InputSpec;
  readonly value: Json;
  /** A seed that is drawn anew before each run. */
  readonly random?: boolean;
}

export function ValueText({ input, value, random = false }: ValueTextProps) {
  const kind = widgetKind(input);
  const bounds = boundsOf(input);
  const text = plainText(value, bounds.whole);
  switch (kind) {
    case "multiline":
      return (
        <div className="scroll-text scroll-text--resting">
          {text || <span className="muted">{input.label}</span>}
        </div>
      );
    case "image":
      return (
        <div className="image-field">
          <Knob label={input.label} text={text} tail="choice" />
          <ImagePreview name={text} />
        </div>
      );
    case "boolean":
      return (
        <div className="knob">
          <span className="knob__label">{input.label}</span>
          <span className="switch" data-on={value === true || undefined} />
        </div>
      );
    case "colour":
      return (
        <div className="knob">
          <span className="knob__label">{input.label}</span>
          <span className="knob__value mono">{colourText(value)}</span>
          <span className="swatch" style={{ background: colourText(value) }} />
        </div>
      );
    case "choice":
    case "file":
      return <Knob label={input.label} text={text} tail="choice" />;
    case "seed":
      return <Knob label={input.label} text={text} tail={random ? "random" : "seed"} />;
    case "int":
    case "float":
      return (
        <Knob
          label={input.label}
          text={text}
          {...(hasBar(bounds) && typeof value === "number"
            ? { fill: (value - bounds.min) / (bounds.max - bounds.min) }
            : {})}
        />
      );
    case "text":
    case "json":
      return <Knob label={input.label} text={text} />;
    default:
      return kind satisfies never;
  }
}

interface KnobProps {
  readonly label: string;
  readonly text: string;
  readonly tail?: "choice" | "seed" | "random";
  readonly fill?: number;
}

function Knob({ label, text, tail, fill }: KnobProps) {
  const style =
    fill === undefined
      ? undefined
      : ({ "--fill": `${Math.min(1, Math.max(0, fill)) * 100}%` } as CSSProperties);
  return (
    <div className={fill === undefined ? "knob" : "knob knob--bar"} style={style}>
      <span className="knob__label">{label}</span>
      <span className="knob__value">{text}</span>
      {tail === "choice" && <ChevronDown size={12} className="knob__tail" aria-hidden="true" />}
      {tail === "random" && <Repeat size={12} className="knob__tail knob__tail--on" aria-hidden="true" />}
      {tail === "seed" && <Dices size={13} className="knob__tail" aria-hidden="true" />}
    </div>
  );
}

/** A colour, by the browser's own picker: `#rrggbb`, or a number (red × 65536 + green × 256 + blue). */

import { useRef } from "react";
import type { Json } from "../documents/types";
import { freshGesture, type WidgetProps } from "./props";

export function colourText(value: Json): string {
  if (typeof value === "number") return `#${Math.round(value).toString(16).padStart(6, "0").slice(-6)}`;
  return typeof value === "string" ? value : "#000000";
}

export function ColourField({ input, value, label, compact, onChange, onSettled }: WidgetProps) {
  const gesture = useRef("");
  const text = colourText(value);
  const change = (colour: string): void =>
    onChange(input.type === "Int" ? Number.parseInt(colour.slice(1), 16) : colour, gesture.current);
  return (
    <label className={compact ? "knob" : "knob knob--form"}>
      {compact && <span className="knob__label">{label}</span>}
      <span className="knob__value mono">{text}</span>
      <input
        type="color"
        className="swatch swatch--input"
        aria-label={label}
        value={/^#[0-9a-f]{6}$/i.test(text) ? text : "#000000"}
        onFocus={() => {
          gesture.current = freshGesture(input.name);
        }}
        onChange={(event) => change(event.currentTarget.value)}
        onBlur={onSettled}
      />
    </label>
  );
}

/** A colour, by the browser's own picker. */

import { freshGesture, type WidgetProps } from "./props";
import { useRef } from "react";

export function ColourField({ input, value, label, compact, onChange, onSettled }: WidgetProps) {
  const gesture = useRef("");
  const text = typeof value === "string" ? value : "#000000";
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
        onChange={(event) => onChange(event.currentTarget.value, gesture.current)}
        onBlur={onSettled}
      />
    </label>
  );
}

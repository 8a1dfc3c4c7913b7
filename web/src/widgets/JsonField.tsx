/** A value of no kind that the editor knows: its JSON, kept as it is while it cannot be read. */

import { useState } from "react";
import { compactJson, parseJson } from "../documents/json";
import type { WidgetProps } from "./props";

export function JsonField({ value, label, compact, onChange, onSettled }: WidgetProps) {
  const [typed, setTyped] = useState<string>();
  const [unreadable, setUnreadable] = useState(false);
  const finish = (): void => {
    if (typed === undefined) return;
    try {
      onChange(parseJson(typed));
      setUnreadable(false);
      setTyped(undefined);
      onSettled();
    } catch {
      setUnreadable(true);
    }
  };
  const field = (
    <input
      className={compact ? "knob__input mono" : "field mono"}
      aria-label={label}
      aria-invalid={unreadable}
      spellCheck={false}
      value={typed ?? compactJson(value)}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={finish}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") finish();
        if (event.key === "Escape") {
          setTyped(undefined);
          setUnreadable(false);
        }
      }}
    />
  );
  if (!compact) return field;
  return (
    <div className="knob">
      <span className="knob__label">{label}</span>
      {field}
    </div>
  );
}

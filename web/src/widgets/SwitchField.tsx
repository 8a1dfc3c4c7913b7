/** Yes or no. */

import type { WidgetProps } from "./props";

export function SwitchField({ value, label, compact, onChange, onSettled }: WidgetProps) {
  const on = value === true;
  return (
    <button
      type="button"
      className={compact ? "knob knob--press" : "knob knob--press knob--form"}
      role="switch"
      aria-checked={on}
      aria-label={label}
      onClick={() => {
        onChange(!on);
        onSettled();
      }}
    >
      {compact && <span className="knob__label">{label}</span>}
      <span className="switch" data-on={on || undefined} />
    </button>
  );
}

/** One line of text. */

import type { WidgetProps } from "./props";
import { useTyping } from "./typing";

export function TextField(props: WidgetProps) {
  const typing = useTyping(props);
  const field = (
    <input
      className={props.compact ? "knob__input" : "field"}
      aria-label={props.label}
      aria-invalid={props.invalid}
      spellCheck={false}
      value={typing.text}
      onChange={(event) => typing.change(event.currentTarget.value)}
      onFocus={typing.focus}
      onBlur={typing.blur}
      onKeyDown={(event) => {
        if (event.key === "Enter" || event.key === "Escape") event.currentTarget.blur();
        if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
      }}
    />
  );
  if (!props.compact) return field;
  return (
    <div className="knob">
      <span className="knob__label">{props.label}</span>
      {field}
    </div>
  );
}

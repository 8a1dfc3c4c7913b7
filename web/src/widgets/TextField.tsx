/** One line of text, and the many lines of a prompt. */

import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { freshGesture, type WidgetProps } from "./props";
import { reweighted } from "./weights";

/** Text is held here while it is typed, so that a change from elsewhere does not move the caret. */
function useTyping({ value, input, onChange, onSettled }: WidgetProps) {
  const text = typeof value === "string" ? value : String(value ?? "");
  const [typed, setTyped] = useState(text);
  const gesture = useRef("");
  const focused = useRef(false);
  useEffect(() => {
    if (!focused.current) setTyped(text);
  }, [text]);
  return {
    text: typed,
    change: (next: string): void => {
      if (gesture.current === "") gesture.current = freshGesture(input.name);
      setTyped(next);
      onChange(next, gesture.current);
    },
    focus: (): void => {
      focused.current = true;
    },
    blur: (): void => {
      focused.current = false;
      if (gesture.current !== "") onSettled();
      gesture.current = "";
    },
  };
}

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

const WEIGHT_STEP = 0.05;

export function PromptField(props: WidgetProps) {
  const typing = useTyping(props);
  const area = useRef<HTMLTextAreaElement>(null);
  const wanted = useRef<readonly [number, number] | undefined>(undefined);

  useLayoutEffect(() => {
    if (wanted.current) area.current?.setSelectionRange(...wanted.current);
    wanted.current = undefined;
  });

  const keys = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    const mod = event.ctrlKey || event.metaKey;
    if (mod && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      const { value: text, selectionStart: start, selectionEnd: end } = event.currentTarget;
      const next = reweighted({ text, start, end }, event.key === "ArrowUp" ? WEIGHT_STEP : -WEIGHT_STEP);
      wanted.current = [next.start, next.end];
      typing.change(next.text);
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === "Escape") {
      event.currentTarget.blur();
      event.stopPropagation();
    } else if (!mod) {
      event.stopPropagation();
    }
  };

  return (
    <textarea
      ref={area}
      className={props.compact ? "scroll-text nowheel" : "field"}
      rows={props.compact ? 3 : 5}
      aria-label={props.label}
      aria-invalid={props.invalid}
      placeholder={props.label}
      spellCheck={false}
      value={typing.text}
      onChange={(event) => typing.change(event.currentTarget.value)}
      onFocus={typing.focus}
      onBlur={typing.blur}
      onKeyDown={keys}
    />
  );
}

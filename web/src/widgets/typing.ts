/** Text as it is typed: held here, so that a change from elsewhere does not move the caret. */

import { useEffect, useRef, useState } from "react";
import { freshGesture, type WidgetProps } from "./props";

export interface Typing {
  readonly text: string;
  readonly change: (next: string) => void;
  readonly focus: () => void;
  readonly blur: () => void;
}

/** One burst of typing is one gesture, from the first key to the loss of focus. */
export function useTyping({ value, input, onChange, onSettled }: WidgetProps): Typing {
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

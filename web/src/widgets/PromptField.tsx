/** The many lines of a prompt, with weights by Ctrl+↑ and ↓ and completion of embeddings. */

import { type KeyboardEvent, useId, useLayoutEffect, useRef, useState } from "react";
import { useFolder } from "../store/folders";
import { canvasTexts } from "../texts/canvas";
import { completed, completing } from "./completion";
import type { WidgetProps } from "./props";
import { useTyping } from "./typing";
import { reweighted } from "./weights";

const WEIGHT_STEP = 0.05;

export function PromptField(props: WidgetProps) {
  const typing = useTyping(props);
  const area = useRef<HTMLTextAreaElement>(null);
  const list = useId();
  const wanted = useRef<readonly [number, number] | undefined>(undefined);
  const [caret, setCaret] = useState<number>();
  const [place, setPlace] = useState(0);
  const mayComplete = caret !== undefined && /embedding:/i.test(typing.text);
  const files = useFolder(mayComplete ? "embeddings" : undefined);
  const offer = mayComplete
    ? completing(
        typing.text,
        caret,
        (files ?? []).map(({ name }) => name),
      )
    : undefined;
  const chosen = offer?.options[Math.min(place, offer.options.length - 1)];

  useLayoutEffect(() => {
    if (wanted.current) area.current?.setSelectionRange(...wanted.current);
    wanted.current = undefined;
  });

  const write = (text: string, start: number, end: number): void => {
    wanted.current = [start, end];
    setCaret(end);
    typing.change(text);
  };
  const take = (name: string): void => {
    if (offer === undefined || caret === undefined) return;
    const end = offer.start + name.length;
    write(completed(typing.text, caret, offer.start, name), end, end);
  };
  const choose = (event: KeyboardEvent): boolean => {
    if (offer === undefined || chosen === undefined || event.ctrlKey || event.metaKey) return false;
    if (event.key === "ArrowDown") setPlace((now) => Math.min(now + 1, offer.options.length - 1));
    else if (event.key === "ArrowUp") setPlace((now) => Math.max(0, now - 1));
    else if (event.key === "Enter" || event.key === "Tab") take(chosen);
    else if (event.key === "Escape") setCaret(undefined);
    else return false;
    return true;
  };
  const keys = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    const mod = event.ctrlKey || event.metaKey;
    if (choose(event)) {
      event.preventDefault();
      event.stopPropagation();
    } else if (mod && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      const { value: text, selectionStart: start, selectionEnd: end } = event.currentTarget;
      const change = event.key === "ArrowUp" ? WEIGHT_STEP : -WEIGHT_STEP;
      const next = reweighted({ text, start, end }, change);
      write(next.text, next.start, next.end);
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
    <div className="prompt-field">
      <textarea
        ref={area}
        className={props.compact ? "scroll-text nowheel" : "field"}
        rows={props.compact ? 3 : 5}
        aria-label={props.label}
        aria-invalid={props.invalid}
        aria-autocomplete="list"
        aria-controls={offer ? list : undefined}
        aria-activedescendant={
          offer && chosen !== undefined ? `${list}-${offer.options.indexOf(chosen)}` : undefined
        }
        placeholder={props.label}
        spellCheck={false}
        value={typing.text}
        onChange={(event) => {
          setPlace(0);
          setCaret(event.currentTarget.selectionEnd);
          typing.change(event.currentTarget.value);
        }}
        onFocus={typing.focus}
        onBlur={() => {
          setCaret(undefined);
          typing.blur();
        }}
        onKeyDown={keys}
      />
      {offer && (
        <div
          id={list}
          className="menu prompt-field__offer"
          role="listbox"
          aria-label={canvasTexts.embeddings}
        >
          {offer.options.map((name, at) => (
            // biome-ignore lint/a11y/useFocusableInteractive: the text has the focus
            <div
              key={name}
              id={`${list}-${at}`}
              className="menu__item"
              role="option"
              aria-selected={name === chosen}
              data-selected={name === chosen}
              onPointerDown={(event) => {
                event.preventDefault();
                take(name);
              }}
            >
              {name}
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

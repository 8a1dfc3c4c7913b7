/** A number: drag it, step it with arrows, or type it, arithmetic included. */

import { ChevronLeft, ChevronRight } from "lucide-react";
import {
  type CSSProperties,
  type KeyboardEvent,
  type PointerEvent,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { canvasTexts } from "../texts/canvas";
import { evaluate } from "./arithmetic";
import { boundsOf, hasBar } from "./kinds";
import { numberText, stepped, within } from "./numbers";
import { freshGesture, type WidgetProps } from "./props";

const DRAG_START = 3;
/** Pixels of the screen for one step; where there is a bar, the pointer moves along it instead. */
const PIXELS_A_STEP = 5;

function parsed(text: string, whole: boolean): number | bigint | undefined {
  const plain = text.trim();
  if (whole && /^-?\d{16,}$/.test(plain)) {
    const big = BigInt(plain);
    return Number.isSafeInteger(Number(big)) ? Number(big) : big;
  }
  return evaluate(plain);
}

export function NumberField({ input, value, label, compact, invalid, onChange, onSettled }: WidgetProps) {
  const [typed, setTyped] = useState<string>();
  const box = useRef<HTMLDivElement>(null);
  const goBack = useRef(false);
  const bounds = boundsOf(input);
  const number = typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : 0;
  const shown =
    typeof value === "number" || typeof value === "bigint"
      ? numberText(value, bounds.whole)
      : String(value ?? "");
  const bar = hasBar(bounds) ? (number - bounds.min) / (bounds.max - bounds.min) : undefined;

  const step = (count: number, gesture?: string): void => onChange(stepped(number, count, bounds), gesture);

  const finish = (): void => {
    if (typed === undefined) return;
    const next = parsed(typed, bounds.whole);
    setTyped(undefined);
    if (next === undefined) return;
    onChange(typeof next === "bigint" ? next : within(next, bounds));
    onSettled();
  };

  const scrub = (event: PointerEvent<HTMLDivElement>): void => {
    if (event.button !== 0 || typed !== undefined || (event.target as Element).closest("button")) return;
    const start = event.clientX;
    const width = event.currentTarget.getBoundingClientRect().width || 1;
    const gesture = freshGesture(input.name);
    let dragging = false;
    const move = (next: globalThis.PointerEvent): void => {
      const travelled = next.clientX - start;
      if (!dragging && Math.abs(travelled) < DRAG_START) return;
      dragging = true;
      const fine = next.shiftKey ? 0.1 : 1;
      const range = bounds.max - bounds.min;
      const steps =
        bar === undefined ? travelled / PIXELS_A_STEP : (travelled / width) * (range / bounds.step);
      onChange(stepped(number, Math.round(steps * fine), bounds), gesture);
    };
    const up = (): void => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      if (dragging) onSettled();
      else setTyped(shown);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
  };

  const keys = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 }[
      event.key
    ];
    if (by !== undefined) step(event.shiftKey ? by * 10 : by, `${input.name}:keys`);
    else if (event.key === "Enter" || event.key === "F2") setTyped(shown);
    else if (/^[\d.\-+(]$/.test(event.key)) setTyped(event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const typing = (event: KeyboardEvent): void => {
    // What is typed counts before anything that a chord does, such as a run.
    if (event.ctrlKey || event.metaKey) {
      if (event.key === "Enter") finish();
      return;
    }
    event.stopPropagation();
    if (event.key !== "Enter" && event.key !== "Escape") return;
    goBack.current = true;
    if (event.key === "Enter") finish();
    else setTyped(undefined);
  };
  // Whoever has finished typing by key goes on from the number, not from the page's beginning.
  useLayoutEffect(() => {
    if (typed === undefined && goBack.current) box.current?.focus({ preventScroll: true });
    goBack.current = false;
  }, [typed]);

  if (typed !== undefined) {
    return (
      <input
        className={compact ? "knob knob--typing" : "field"}
        aria-label={label}
        // biome-ignore lint/a11y/noAutofocus: the person has just asked to type here
        autoFocus
        inputMode="decimal"
        value={typed}
        onFocus={(event) => typed === shown && event.currentTarget.select()}
        onChange={(event) => setTyped(event.currentTarget.value)}
        onBlur={finish}
        onKeyDown={typing}
      />
    );
  }
  const fill =
    bar === undefined
      ? undefined
      : ({ "--fill": `${Math.min(1, Math.max(0, bar)) * 100}%` } as CSSProperties);
  return (
    <div
      ref={box}
      className={`knob knob--number${fill ? " knob--bar" : ""}${compact ? "" : " knob--form"}`}
      style={fill}
      role="spinbutton"
      tabIndex={0}
      aria-label={label}
      aria-valuenow={number}
      aria-valuetext={shown}
      {...(Number.isFinite(bounds.min) ? { "aria-valuemin": bounds.min } : {})}
      {...(Number.isFinite(bounds.max) ? { "aria-valuemax": bounds.max } : {})}
      aria-invalid={invalid}
      onPointerDown={scrub}
      onKeyDown={keys}
      onBlur={onSettled}
    >
      <button
        type="button"
        className="knob__step"
        tabIndex={-1}
        aria-label={canvasTexts.less}
        onClick={() => step(-1)}
      >
        <ChevronLeft size={12} />
      </button>
      {compact && <span className="knob__label">{label}</span>}
      <span className="knob__value">{shown}</span>
      <button
        type="button"
        className="knob__step"
        tabIndex={-1}
        aria-label={canvasTexts.more}
        onClick={() => step(1)}
      >
        <ChevronRight size={12} />
      </button>
    </div>
  );
}

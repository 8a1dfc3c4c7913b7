/** Painting the mask of a picture: brush, eraser, fill, invert, feather. */

import { Blend, Brush, Contrast, Eraser, PaintBucket, Redo2, Trash2, Undo2, X } from "lucide-react";
import { Dialog } from "radix-ui";
import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from "react";
import { uploadMask } from "../api/pictures";
import { report } from "../store/notices";
import { maskTexts as t } from "../texts/canvas";
import { Slider, usePaper } from "./MaskPaper";
import { emptyMask, feathered, filled, inverted, type MaskImage, paint } from "./mask";
import { asPng, load, show, touched } from "./maskCanvas";

interface MaskDialogProps {
  readonly name: string;
  readonly onClose: () => void;
  readonly onPainted: (name: string) => void;
}

type Tool = "brush" | "eraser" | "fill";

const TOOLS = [
  ["brush", Brush, t.brush, "B"],
  ["eraser", Eraser, t.eraser, "E"],
  ["fill", PaintBucket, t.fill, "F"],
] as const;

const KEPT = 24;

export function MaskDialog({ name, onClose, onPainted }: MaskDialogProps) {
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <div className="dialog__overlay" />
        <Dialog.Content
          className="dialog dialog--wide mask-dialog"
          aria-describedby={undefined}
          onPointerDownOutside={(event) => event.preventDefault()}
        >
          <Painter name={name} onClose={onClose} onPainted={onPainted} />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

interface Steps {
  readonly past: readonly MaskImage[];
  readonly now: MaskImage;
  readonly future: readonly MaskImage[];
}

function Painter({ name, onClose, onPainted }: MaskDialogProps) {
  const [tool, setTool] = useState<Tool>("brush");
  const [radius, setRadius] = useState(24);
  const [softness, setSoftness] = useState(0.2);
  const [feather, setFeather] = useState(8);
  const [steps, setSteps] = useState<Steps>();
  const [saving, setSaving] = useState(false);
  const picture = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const ring = useRef<HTMLDivElement>(null);
  const stage = useRef<HTMLDivElement>(null);

  const leave = useRef(onClose);
  leave.current = onClose;
  useEffect(() => {
    let gone = false;
    void load(name, picture.current).then(
      (mask) => {
        if (gone) return;
        setSteps({ past: [], now: mask, future: [] });
        setRadius(Math.max(4, Math.round(Math.max(mask.width, mask.height) / 24)));
      },
      (problem) => {
        if (gone) return;
        leave.current();
        report(problem);
      },
    );
    return () => {
      gone = true;
    };
  }, [name]);
  useEffect(() => {
    if (overlay.current && steps) show(overlay.current, steps.now);
  }, [steps]);

  const paper = usePaper(stage, steps?.now);

  const become = (next: MaskImage): void =>
    setSteps((all) => all && { past: [...all.past, all.now].slice(-KEPT), now: next, future: [] });
  const back = (): void =>
    setSteps((all) => {
      const last = all?.past.at(-1);
      return all && last ? { past: all.past.slice(0, -1), now: last, future: [all.now, ...all.future] } : all;
    });
  const forth = (): void =>
    setSteps((all) => {
      const next = all?.future[0];
      return all && next ? { past: [...all.past, all.now], now: next, future: all.future.slice(1) } : all;
    });

  const place = (event: { clientX: number; clientY: number }): [number, number] => {
    const box = overlay.current?.getBoundingClientRect() ?? new DOMRect();
    const scale = (steps?.now.width ?? 1) / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  };
  const press = (event: PointerEvent<HTMLCanvasElement>): void => {
    if (steps === undefined || event.button !== 0) return;
    const value = tool === "eraser" || event.altKey ? 0 : 255;
    if (tool === "fill") {
      become(filled(steps.now, place(event), value));
      return;
    }
    const element = event.currentTarget;
    element.setPointerCapture(event.pointerId);
    const working = { ...steps.now, values: steps.now.values.slice() };
    let last = place(event);
    const to = (next: [number, number]): void => {
      paint(working, last, next, { radius, hardness: 1 - softness, value });
      show(element, working, touched(last, next, radius));
      last = next;
    };
    to(last);
    const move = (next: globalThis.PointerEvent): void => {
      for (const point of next.getCoalescedEvents().length > 0 ? next.getCoalescedEvents() : [next])
        to(place(point));
    };
    const up = (): void => {
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", up);
      become(working);
    };
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", up);
  };
  const hover = (event: PointerEvent): void => {
    const paper = overlay.current?.getBoundingClientRect();
    const ground = stage.current?.getBoundingClientRect();
    if (!ring.current || !paper || !ground || !steps) return;
    const size = (radius * 2 * paper.width) / steps.now.width;
    const [x, y] = [event.clientX - ground.left - size / 2, event.clientY - ground.top - size / 2];
    Object.assign(ring.current.style, {
      width: `${size}px`,
      height: `${size}px`,
      transform: `translate(${x}px, ${y}px)`,
    });
  };
  const keys = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.target instanceof HTMLInputElement) return;
    const mod = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (mod && key === "z") (event.shiftKey ? forth : back)();
    else if (mod && key === "y") forth();
    else if (key === "[") setRadius((now) => Math.max(1, Math.round(now / 1.2)));
    else if (key === "]") setRadius((now) => Math.round(now * 1.2) + 1);
    else if (key === "i") steps && become(inverted(steps.now));
    else {
      const chosen = TOOLS.find(([, , , letter]) => letter.toLowerCase() === key);
      if (mod || chosen === undefined) return;
      setTool(chosen[0]);
    }
    event.preventDefault();
  };
  const save = async (): Promise<void> => {
    if (steps === undefined) return;
    setSaving(true);
    try {
      const { name: stored } = await uploadMask(await asPng(steps.now), name);
      onPainted(stored);
    } catch (problem) {
      setSaving(false);
      report(problem);
    }
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: its tools have buttons; these are their keys
    <div className="mask-editor" onKeyDown={keys}>
      <div className="dialog__header">
        <Dialog.Title className="dialog__title">{t.title}</Dialog.Title>
        <button type="button" className="icon-button" aria-label={t.close} onClick={onClose}>
          <X size={16} />
        </button>
      </div>
      <div className="mask-editor__tools" role="toolbar" aria-label={t.title}>
        {TOOLS.map(([id, Icon, title, letter]) => (
          <button
            key={id}
            type="button"
            className="icon-button"
            aria-label={title}
            aria-pressed={tool === id}
            title={`${title} (${letter})`}
            onClick={() => setTool(id)}
          >
            <Icon size={16} />
          </button>
        ))}
        <Slider label={t.size} value={radius} min={1} max={Math.max(200, radius)} onChange={setRadius} />
        <Slider label={t.softness} value={softness} min={0} max={1} step={0.05} onChange={setSoftness} />
        <span className="topbar__rule" />
        <button type="button" className="button" onClick={() => steps && become(inverted(steps.now))}>
          <Contrast size={14} aria-hidden="true" /> {t.invert}
        </button>
        <button
          type="button"
          className="button"
          onClick={() => steps && become(feathered(steps.now, feather))}
        >
          <Blend size={14} aria-hidden="true" /> {t.feather}
        </button>
        <Slider label={t.featherBy} value={feather} min={1} max={64} onChange={setFeather} />
        <button
          type="button"
          className="button"
          onClick={() => steps && become(emptyMask(steps.now.width, steps.now.height))}
        >
          <Trash2 size={14} aria-hidden="true" /> {t.clear}
        </button>
        <span className="spacer" />
        <button
          type="button"
          className="icon-button"
          aria-label={t.undo}
          title={t.undo}
          disabled={!steps?.past.length}
          onClick={back}
        >
          <Undo2 size={16} />
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label={t.redo}
          title={t.redo}
          disabled={!steps?.future.length}
          onClick={forth}
        >
          <Redo2 size={16} />
        </button>
      </div>
      <div ref={stage} className="mask-editor__stage" onPointerMove={hover}>
        <div className="mask-editor__paper" style={paper}>
          <canvas ref={picture} className="mask-editor__picture" aria-label={name} />
          <canvas
            ref={overlay}
            className="mask-editor__mask"
            data-tool={tool}
            aria-label={t.title}
            onPointerDown={press}
          />
        </div>
        {tool !== "fill" && <div ref={ring} className="mask-editor__ring" aria-hidden="true" />}
      </div>
      <div className="dialog__footer">
        <span className="hint">{t.hint}</span>
        <span className="spacer" />
        <button type="button" className="button" onClick={onClose}>
          {t.cancel}
        </button>
        <button
          type="button"
          className="button button--primary"
          disabled={!steps || saving}
          onClick={() => void save()}
        >
          {t.save}
        </button>
      </div>
    </div>
  );
}

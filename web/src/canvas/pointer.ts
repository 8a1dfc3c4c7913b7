/** Following one pointer from press to release. */

export interface Follow {
  readonly move: (event: PointerEvent) => void;
  readonly up: (event: PointerEvent) => void;
  /** Escape, a lost pointer, a second finger: everything goes back to what it was. */
  readonly cancel: () => void;
}

let giveUp: (() => void) | undefined;

/** Gives up what a pointer is being followed for, as Escape does. */
export function letGo(): void {
  giveUp?.();
}

export function follow(pointer: number, { move, up, cancel }: Follow): void {
  const moved = (event: PointerEvent): void => {
    if (event.pointerId === pointer) move(event);
  };
  const released = (event: PointerEvent): void => {
    if (event.pointerId !== pointer) return;
    stop();
    up(event);
  };
  const abandon = (): void => {
    stop();
    cancel();
  };
  const cancelled = (event: Event): void => {
    if (event instanceof KeyboardEvent && event.key !== "Escape") return;
    if (event instanceof KeyboardEvent) event.stopPropagation();
    abandon();
  };
  const stop = (): void => {
    if (giveUp === abandon) giveUp = undefined;
    window.removeEventListener("pointermove", moved);
    window.removeEventListener("pointerup", released);
    window.removeEventListener("pointercancel", cancelled);
    window.removeEventListener("blur", cancelled);
    window.removeEventListener("keydown", cancelled, true);
  };
  giveUp = abandon;
  window.addEventListener("pointermove", moved);
  window.addEventListener("pointerup", released);
  window.addEventListener("pointercancel", cancelled);
  window.addEventListener("blur", cancelled);
  window.addEventListener("keydown", cancelled, true);
}

/** How far a pointer moves before a press becomes a drag, in pixels of the screen. */
export const DRAG_START = 4;

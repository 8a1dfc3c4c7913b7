/** The room that an element has, kept up while it changes. */

import { useEffect, useState } from "react";
import type { Size } from "./looking";

const NO_ROOM: Size = { width: 0, height: 0 };

/** The room of an element, without its padding. */
export function useSize(element: { readonly current: HTMLElement | null }): Size {
  const [size, setSize] = useState(NO_ROOM);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return size;
}

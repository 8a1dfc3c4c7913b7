/** Which context menu is open, on what, and where. */

import { create } from "zustand";
import type { NodeId, Point } from "../documents/types";
import { select } from "../store/tabs";
import { selectionOf } from "./current";
import { worldOf } from "./stage";

export type MenuTarget =
  | { readonly kind: "node"; readonly id: NodeId }
  | { readonly kind: "thread"; readonly key: string; readonly piece: number }
  | { readonly kind: "pin"; readonly key: string; readonly index: number }
  | { readonly kind: "frame"; readonly id: string }
  | { readonly kind: "note"; readonly id: string }
  | { readonly kind: "ground" };

interface MenuState {
  readonly open: { readonly target: MenuTarget; readonly screen: Point; readonly world: Point } | null;
}

export const useMenu = create<MenuState>(() => ({ open: null }));

export function openMenuAt(event: MouseEvent, target: MenuTarget): void {
  if ((event.target as Element | null)?.closest("input, textarea")) return;
  event.preventDefault();
  event.stopPropagation();
  if (target.kind === "node" && !selectionOf().has(target.id)) select([target.id]);
  useMenu.setState({ open: { target, screen: [event.clientX, event.clientY], world: worldOf(event) } });
}

export function closeMenu(): void {
  useMenu.setState({ open: null });
}

/**
 * The dialog that is open, if any. The large ones are loaded when they are first opened; the palette is not one of them,
 * since what is typed right after its key is meant for it.
 */

import { type Dialog, useShell } from "../store/shell";
import { Later, later } from "../widgets/later";
import { CloseDialog, ConfirmDialog, ConflictDialog, RenameDialog, SaveAsDialog } from "./FileDialogs";
import { PaletteDialog } from "./PaletteDialog";
import { WireDialog } from "./WireDialog";
import "./panels.css";

const PictureDialog = later(async () => (await import("./PictureDialog")).PictureDialog);
const BesideDialog = later(async () => (await import("./BesideDialog")).BesideDialog);
const DifferenceDialog = later(async () => (await import("./DifferenceDialog")).DifferenceDialog);
const KeysDialog = later(async () => (await import("./KeysDialog")).KeysDialog);
const SettingsDialog = later(async () => (await import("./SettingsDialog")).SettingsDialog);
const SweepDialog = later(async () => (await import("./SweepDialog")).SweepDialog);
const SweepGrid = later(async () => (await import("./SweepGrid")).SweepGrid);
const StagesDialog = later(async () => (await import("./StagesDialog")).StagesDialog);
const TokenDialog = later(async () => (await import("./TokenDialog")).TokenDialog);
const VersionsDialog = later(async () => (await import("./VersionsDialog")).VersionsDialog);

export function Dialogs() {
  const dialog = useShell((state) => state.dialog);
  return dialog === null ? null : (
    <Later>
      <Open dialog={dialog} />
    </Later>
  );
}

function Open({ dialog }: { readonly dialog: Dialog }) {
  switch (dialog.kind) {
    case "palette":
      return <PaletteDialog />;
    case "wire":
      return <WireDialog {...dialog} />;
    case "difference":
      return <DifferenceDialog {...dialog} />;
    case "sweep":
      return <SweepDialog {...dialog} />;
    case "sweep-grid":
      return <SweepGrid {...dialog} />;
    case "beside":
      return <BesideDialog {...dialog} />;
    case "stages":
      return <StagesDialog {...dialog} />;
    case "keys":
      return <KeysDialog />;
    case "settings":
      return <SettingsDialog />;
    case "token":
      return <TokenDialog />;
    case "save-as":
      return <SaveAsDialog {...dialog} />;
    case "rename":
      return <RenameDialog {...dialog} />;
    case "versions":
      return <VersionsDialog {...dialog} />;
    case "conflict":
      return <ConflictDialog {...dialog} />;
    case "close":
      return <CloseDialog {...dialog} />;
    case "confirm":
      return <ConfirmDialog {...dialog} />;
    case "picture":
      return <PictureDialog {...dialog} />;
    default:
      return dialog satisfies never;
  }
}

/** A picture among the user's inputs: chosen, dropped, pasted or uploaded, and masked by hand. */

import { Brush, Images, Upload } from "lucide-react";
import { type ClipboardEvent, type DragEvent, useRef, useState } from "react";
import { uploadPicture } from "../api/pictures";
import { refreshFolder } from "../store/folders";
import { notify } from "../store/shell";
import { canvasTexts } from "../texts/canvas";
import { pickerTexts } from "../texts/pictures";
import { pictureIn } from "./dropped";
import { FileField } from "./FileField";
import { ImagePreview } from "./ImagePreview";
import { Later, later } from "./later";
import type { WidgetProps } from "./props";
import { plainText } from "./ValueText";

const MaskDialog = later(async () => (await import("./MaskDialog")).MaskDialog);

const PicturePicker = later(async () => (await import("./PicturePicker")).PicturePicker);

export function ImageField(props: WidgetProps) {
  const { value, label, onChange, onSettled } = props;
  const [state, setState] = useState<"idle" | "over" | "uploading">("idle");
  const [painting, setPainting] = useState(false);
  const [choosing, setChoosing] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const name = plainText(value);

  const take = async (picture: File | Promise<File> | undefined): Promise<void> => {
    if (picture === undefined) return;
    setState("uploading");
    try {
      const file = await picture;
      const { name: stored } = await uploadPicture(file, file.name);
      await refreshFolder("input");
      onChange(stored);
      onSettled();
    } catch (problem) {
      const hint = problem instanceof Error ? problem.message : "";
      notify({ kind: "error", text: canvasTexts.uploadFailed, hint });
    }
    setState("idle");
  };
  const dropped = (event: DragEvent): void => {
    event.preventDefault();
    event.stopPropagation();
    setState("idle");
    void take(pictureIn(event.dataTransfer));
  };
  const pasted = (event: ClipboardEvent): void => {
    const picture = pictureIn(event.clipboardData);
    if (picture === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    void take(picture);
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a place to drop on; the buttons in it do the same by key
    <div
      className="image-field"
      data-state={state}
      data-busy={painting || choosing || state === "uploading" || undefined}
      onPaste={pasted}
      onDragOver={(event) => {
        event.preventDefault();
        setState("over");
      }}
      onDragLeave={() => setState("idle")}
      onDrop={dropped}
    >
      <FileField {...props} />
      <div className="image-field__picture">
        <ImagePreview name={name} />
        <div className="image-field__tools">
          <button
            type="button"
            className="icon-button"
            aria-label={`${pickerTexts.browse} (${label})`}
            title={pickerTexts.browse}
            onClick={() => setChoosing(true)}
          >
            <Images size={14} />
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label={`${canvasTexts.upload} (${label})`}
            title={canvasTexts.upload}
            onClick={() => chooser.current?.click()}
          >
            <Upload size={14} />
          </button>
          {name !== "" && (
            <button
              type="button"
              className="icon-button"
              aria-label={canvasTexts.editMask}
              title={canvasTexts.editMask}
              onClick={() => setPainting(true)}
            >
              <Brush size={14} />
            </button>
          )}
        </div>
      </div>
      <input
        ref={chooser}
        type="file"
        accept="image/*"
        hidden
        onChange={(event) => {
          void take(event.currentTarget.files?.[0]);
          event.currentTarget.value = "";
        }}
      />
      {choosing && (
        <Later>
          <PicturePicker
            value={name}
            onClose={() => setChoosing(false)}
            onPick={(picked) => {
              setChoosing(false);
              onChange(picked);
              onSettled();
            }}
          />
        </Later>
      )}
      {painting && (
        <Later>
          <MaskDialog
            name={name}
            onClose={() => setPainting(false)}
            onPainted={(painted) => {
              setPainting(false);
              void refreshFolder("input");
              onChange(painted);
              onSettled();
            }}
          />
        </Later>
      )}
    </div>
  );
}

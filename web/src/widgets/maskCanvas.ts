/** A mask on a canvas element: read from a picture, shown as a tint, and written as the server takes it. */

import { inputUrl } from "../api/pictures";
import { emptyMask, type MaskImage } from "./mask";

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function touched(
  [ax, ay]: readonly [number, number],
  [bx, by]: readonly [number, number],
  radius: number,
): Area {
  const x = Math.floor(Math.min(ax, bx) - radius) - 1;
  const y = Math.floor(Math.min(ay, by) - radius) - 1;
  return {
    x,
    y,
    width: Math.ceil(Math.max(ax, bx) + radius) + 2 - x,
    height: Math.ceil(Math.max(ay, by) + radius) + 2 - y,
  };
}

/** Draw the picture whole; what is transparent in it is the mask that it already has. */
export async function load(name: string, canvas: HTMLCanvasElement | null): Promise<MaskImage> {
  const image = new Image();
  image.src = inputUrl(name);
  await image.decode();
  const { naturalWidth: width, naturalHeight: height } = image;
  const mask = emptyMask(width, height);
  const pen = canvas?.getContext("2d", { willReadFrequently: true });
  if (!canvas || !pen) return mask;
  canvas.width = width;
  canvas.height = height;
  pen.drawImage(image, 0, 0);
  const { data } = pen.getImageData(0, 0, width, height);
  for (let at = 0; at < mask.values.length; at += 1) mask.values[at] = 255 - (data[at * 4 + 3] ?? 255);
  return mask;
}

const TINT = [242, 82, 92] as const;
const OPACITY = 0.62;

/** Draw the mask, or the part of it that changed, as a tint. */
export function show(canvas: HTMLCanvasElement, mask: MaskImage, part?: Area): void {
  const pen = canvas.getContext("2d");
  if (pen === null) return;
  if (canvas.width !== mask.width || canvas.height !== mask.height) {
    canvas.width = mask.width;
    canvas.height = mask.height;
  }
  const x = Math.max(0, part?.x ?? 0);
  const y = Math.max(0, part?.y ?? 0);
  const right = Math.min(mask.width, part ? part.x + part.width : mask.width);
  const bottom = Math.min(mask.height, part ? part.y + part.height : mask.height);
  if (right <= x || bottom <= y) return;
  const image = new ImageData(right - x, bottom - y);
  let at = 0;
  for (let row = y; row < bottom; row += 1) {
    for (let column = x; column < right; column += 1) {
      image.data[at] = TINT[0];
      image.data[at + 1] = TINT[1];
      image.data[at + 2] = TINT[2];
      image.data[at + 3] = (mask.values[row * mask.width + column] ?? 0) * OPACITY;
      at += 4;
    }
  }
  pen.putImageData(image, x, y);
}

/** The mask as the server takes it: transparent where it is to be painted over. */
export async function asPng(mask: MaskImage): Promise<Blob> {
  const canvas = new OffscreenCanvas(mask.width, mask.height);
  const pen = canvas.getContext("2d");
  if (pen === null) throw new Error("This browser cannot draw.");
  const image = new ImageData(mask.width, mask.height);
  mask.values.forEach((value, at) => {
    image.data[at * 4 + 3] = 255 - value;
  });
  pen.putImageData(image, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

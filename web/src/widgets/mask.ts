/** The mask of a picture as it is painted: one byte a pixel, 255 where it is to be painted over. Pure. */

export interface MaskImage {
  readonly width: number;
  readonly height: number;
  readonly values: Uint8ClampedArray;
}

export function emptyMask(width: number, height: number): MaskImage {
  return { width, height, values: new Uint8ClampedArray(width * height) };
}

export interface Stroke {
  readonly radius: number;
  /** How much of the radius is solid, from 0 to 1; the rest falls off smoothly. */
  readonly hardness: number;
  /** 255 paints, 0 wipes. */
  readonly value: 0 | 255;
}

/** Paint along a line, in place: a mask of 4 million pixels is not copied for each movement. */
export function paint(
  mask: MaskImage,
  [ax, ay]: readonly [number, number],
  [bx, by]: readonly [number, number],
  { radius, hardness, value }: Stroke,
): void {
  const left = Math.max(0, Math.floor(Math.min(ax, bx) - radius));
  const right = Math.min(mask.width - 1, Math.ceil(Math.max(ax, bx) + radius));
  const top = Math.max(0, Math.floor(Math.min(ay, by) - radius));
  const bottom = Math.min(mask.height - 1, Math.ceil(Math.max(ay, by) + radius));
  const dx = bx - ax;
  const dy = by - ay;
  const length = dx * dx + dy * dy || 1;
  const solid = radius * hardness;
  for (let y = top; y <= bottom; y += 1) {
    for (let x = left; x <= right; x += 1) {
      const along = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length));
      const distance = Math.hypot(x - ax - along * dx, y - ay - along * dy);
      if (distance > radius) continue;
      const strength = distance <= solid ? 1 : 1 - (distance - solid) / Math.max(radius - solid, 1e-6);
      const at = y * mask.width + x;
      const now = mask.values[at] ?? 0;
      mask.values[at] = value === 255 ? Math.max(now, 255 * strength) : Math.min(now, 255 * (1 - strength));
    }
  }
}

export function inverted(mask: MaskImage): MaskImage {
  return { ...mask, values: mask.values.map((value) => 255 - value) };
}

/** Fill the region around a point that is as painted as the point is. */
export function filled(mask: MaskImage, [x, y]: readonly [number, number], value: 0 | 255): MaskImage {
  const { width, height } = mask;
  const [startX, startY] = [Math.round(x), Math.round(y)];
  if (startX < 0 || startY < 0 || startX >= width || startY >= height) return mask;
  const painted = (at: number): boolean => (mask.values[at] ?? 0) >= 128;
  const wanted = painted(startY * width + startX);
  if (wanted === (value === 255)) return mask;
  const values = mask.values.slice();
  const seen = new Uint8Array(values.length);
  const stack = [startY * width + startX];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (seen[at] || painted(at) !== wanted) continue;
    seen[at] = 1;
    values[at] = value;
    const column = at % width;
    if (column > 0) stack.push(at - 1);
    if (column < width - 1) stack.push(at + 1);
    if (at >= width) stack.push(at - width);
    if (at < values.length - width) stack.push(at + width);
  }
  return { ...mask, values };
}

/** Soften the edge: three box blurs, close to a Gaussian of that radius. */
export function feathered(mask: MaskImage, radius: number): MaskImage {
  const whole = Math.max(1, Math.round(radius / 2));
  let values = mask.values;
  for (let pass = 0; pass < 3; pass += 1) {
    values = blurred(values, mask.width, mask.height, whole, 1, mask.width);
    values = blurred(values, mask.height, mask.width, whole, mask.width, 1);
  }
  return { ...mask, values };
}

/** One box blur along lines of `length` pixels that are `step` apart, `count` lines `stride` apart. */
function blurred(
  from: Uint8ClampedArray,
  length: number,
  count: number,
  radius: number,
  step: number,
  stride: number,
): Uint8ClampedArray {
  const into = new Uint8ClampedArray(from.length);
  const size = radius * 2 + 1;
  for (let line = 0; line < count; line += 1) {
    const start = line * stride;
    const at = (place: number): number => from[start + Math.min(length - 1, Math.max(0, place)) * step] ?? 0;
    let sum = 0;
    for (let place = -radius; place <= radius; place += 1) sum += at(place);
    for (let place = 0; place < length; place += 1) {
      into[start + place * step] = sum / size;
      sum += at(place + radius + 1) - at(place - radius);
    }
  }
  return into;
}

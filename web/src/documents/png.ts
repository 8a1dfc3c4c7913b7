/** The text that a PNG carries: where a picture keeps the workflow that made it. */

import { readTexts as t } from "../texts/refusals";
import { Unreadable } from "./fields";

/** As many bytes as the server takes in one body. */
const MOST_TEXT = 16 * 2 ** 20;

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const latin1 = new TextDecoder("latin1");
const utf8 = new TextDecoder("utf-8");

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, place) => bytes[place] === byte);
}

/**
 * The text chunks (tEXt and iTXt) of a PNG by keyword; the first of a keyword counts.
 * @throws Unreadable where a compressed one is broken, or too long for a workflow.
 */
export async function pngTexts(bytes: Uint8Array): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  if (!isPng(bytes)) return texts;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURE.length; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const kind = latin1.decode(bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (body.length < length || kind === "IEND") break;
    const entry =
      kind === "tEXt" ? plainText(body) : kind === "iTXt" ? await internationalText(body) : undefined;
    if (entry !== undefined && !texts.has(entry[0])) texts.set(...entry);
    at += 12 + length;
  }
  return texts;
}

function plainText(body: Uint8Array): readonly [string, string] | undefined {
  const end = body.indexOf(0);
  return end < 0 ? undefined : [latin1.decode(body.subarray(0, end)), latin1.decode(body.subarray(end + 1))];
}

async function internationalText(body: Uint8Array): Promise<readonly [string, string] | undefined> {
  const end = body.indexOf(0);
  const language = body.indexOf(0, end + 3);
  const translated = body.indexOf(0, language + 1);
  if (end < 0 || language < 0 || translated < 0) return undefined;
  const text = body.subarray(translated + 1);
  const compressed = body[end + 1] === 1;
  return [latin1.decode(body.subarray(0, end)), utf8.decode(compressed ? await inflated(text) : text)];
}

/** A small file may hold a text of gigabytes: no more of it is unpacked than a workflow can have. */
async function inflated(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new DecompressionStream("deflate"));
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of partsOf(stream)) {
      size += part.length;
      if (size > MOST_TEXT) throw new Unreadable(t.longText, t.longTextHint);
      parts.push(part);
    }
  } catch (problem) {
    if (problem instanceof Unreadable) throw problem;
    throw new Unreadable(t.brokenText, t.brokenTextHint);
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

/** Not every browser can loop over a stream itself. */
async function* partsOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    await reader.cancel();
  }
}

/** Artifacts, uploads and model files over HTTP, and the addresses of pictures. */

import { asObject, isReal, isString } from "../documents/fields";
import { toDocument } from "../documents/parse";
import type { Document } from "../documents/types";
import { API, part, query, request, requestText } from "./http";
import { readArtifact, readFamily, readFile, readPage } from "./read";
import type { Artifact, Page, StoredFile, Upload } from "./types";

export interface ArtifactQuery {
  readonly limit?: number;
  readonly before?: string | null;
  readonly q?: string;
  readonly job?: string;
  /** What was saved, or what was only shown. */
  readonly folder?: Artifact["folder"];
}

export async function getArtifacts(filter: ArtifactQuery): Promise<Page<Artifact>> {
  return readPage((await request(`/artifacts${query({ ...filter })}`)).json, readArtifact);
}

export async function getArtifact(id: string): Promise<Artifact> {
  return readArtifact(asObject((await request(`/artifacts/${part(id)}`)).json, "An artifact"));
}

/** The workflow that made a picture, as it was when it ran. */
export async function getArtifactWorkflow(id: string): Promise<Document> {
  return toDocument((await request(`/artifacts/${part(id)}/workflow`)).json);
}

export async function deleteArtifact(id: string): Promise<void> {
  await request(`/artifacts/${part(id)}`, { method: "DELETE" });
}

export function contentUrl(artifact: string): string {
  return `${API}/artifacts/${part(artifact)}/content`;
}

export function thumbnailUrl(artifact: string, size = 256): string {
  return `${API}/artifacts/${part(artifact)}/thumbnail?size=${size}`;
}

/** A tile of a picture that the server cuts: of 512 pixels a side, after halving `level` times. */
export function tileUrl(
  artifact: string,
  { level, column, row }: { readonly level: number; readonly column: number; readonly row: number },
): string {
  return `${API}/artifacts/${part(artifact)}/tile?level=${level}&column=${column}&row=${row}`;
}

/** Can it be drawn as a picture? One that moves is one, too. */
export function isPicture({ kind }: Artifact): boolean {
  return kind === "image" || kind === "animation";
}

export type SizedArtifact = Artifact & { readonly width: number; readonly height: number };

export function isSized(artifact: Artifact): artifact is SizedArtifact {
  return artifact.width !== null && artifact.height !== null;
}

/** The longer side up to which a browser is given a picture whole: decoded, it takes 16 MB. */
export const WHOLE_SIDE = 2048;

export function isLarge({ width, height }: Artifact): boolean {
  return Math.max(width ?? 0, height ?? 0) > WHOLE_SIDE;
}

/** The address of a picture as it is shown among other things: small, where it is large. */
export function shownUrl(artifact: Artifact): string {
  return isLarge(artifact) ? thumbnailUrl(artifact.id, 512) : contentUrl(artifact.id);
}

/** Is it to be read? */
export function isText({ kind, mime }: Artifact): boolean {
  return kind === "text" || mime === "application/json";
}

/** A text that a run made, or its first `most` bytes. */
export async function getText(artifact: string, most: number, bytes: number): Promise<string> {
  // A range of an empty file is refused.
  if (bytes === 0) return "";
  const text = await requestText(`/artifacts/${part(artifact)}/content`, most);
  // A character that was cut in two reads as this mark.
  return bytes > most ? text.replace(/\uFFFD+$/u, "") : text;
}

/** A picture among the user's inputs. */
export function inputUrl(name: string): string {
  return `${API}/files/input/${part(name)}`;
}

export function inputThumbnailUrl(name: string, size = 256): string {
  return `${inputUrl(name)}/thumbnail?size=${size}`;
}

/** What a folder of models or inputs holds; `kind` is the folder that a file widget names. */
export async function getFiles(kind: string): Promise<readonly StoredFile[]> {
  return readPage((await request(`/files/${part(kind)}`)).json, readFile).items;
}

/** The models that files are for, such as `SDXL`, by the files' names; of files that are not recognised, nothing. */
export async function getFamilies(kind: string): Promise<ReadonlyMap<string, string>> {
  const { items } = readPage((await request(`/files/${part(kind)}/families`)).json, readFamily);
  return new Map(items);
}

export async function uploadPicture(file: Blob, name: string): Promise<Upload> {
  const form = new FormData();
  form.append("file", file, name);
  return sent("/uploads", form);
}

/** A painted mask; `original` names the input picture that it belongs to. */
export async function uploadMask(file: Blob, original: string): Promise<Upload> {
  const form = new FormData();
  form.append("file", file, "mask.png");
  form.append("original", original);
  return sent("/uploads/mask", form);
}

async function sent(path: string, form: FormData): Promise<Upload> {
  const { name, width, height } = asObject((await request(path, { method: "POST", form })).json, "An upload");
  return {
    name: isString(name) ? name : "",
    width: isReal(width) ? width : null,
    height: isReal(height) ? height : null,
  };
}

/** Saved workflows, templates, and other programs' files, over HTTP. */

import { asObject, isObject } from "../documents/fields";
import { toDocument } from "../documents/parse";
import { toWire } from "../documents/serialise";
import type { Document, Json } from "../documents/types";
import { API, part, query, request } from "./http";
import { objects, readLibraryItem, readPage, readProblem } from "./read";
import type { LibraryItem, Problem } from "./types";

export interface Stored {
  readonly document: Document;
  readonly version: string;
}

export async function getWorkflows(q: string): Promise<readonly LibraryItem[]> {
  return readPage((await request(`/workflows${query({ q })}`)).json, readLibraryItem).items;
}

export async function getTemplates(): Promise<readonly LibraryItem[]> {
  return readPage((await request("/templates")).json, readLibraryItem).items;
}

export async function getWorkflow(name: string): Promise<Stored> {
  const { json, etag } = await request(`/workflows/${part(name)}`);
  return { document: toDocument(json), version: etag };
}

export async function getTemplate(name: string): Promise<Document> {
  return toDocument((await request(`/templates/${part(name)}`)).json);
}

/** What a writer knows of the file: its last version, that it does not exist, or that it may be replaced. */
export type Expected =
  | { readonly kind: "version"; readonly version: string }
  | { readonly kind: "absent" }
  | { readonly kind: "whatever" };

/** @throws ApiError of status 412 (or 409) where the file is not as expected. */
export async function putWorkflow(name: string, document: Document, expected: Expected): Promise<string> {
  const { etag } = await request(`/workflows/${part(name)}`, {
    method: "PUT",
    text: toWire(document),
    headers: conditionOf(expected),
  });
  return etag;
}

function conditionOf(expected: Expected): Readonly<Record<string, string>> {
  switch (expected.kind) {
    case "version":
      return { "If-Match": `"${expected.version}"` };
    case "absent":
      return { "If-None-Match": "*" };
    case "whatever":
      return {};
    default:
      return expected satisfies never;
  }
}

/** Lets a picture that a run made stand for a workflow in lists. */
export async function putCover(name: string, artifact: string): Promise<void> {
  await request(`/workflows/${part(name)}/cover`, { method: "PUT", json: { artifact } });
}

/** The address of a workflow's picture; `kept` makes a new one another address. */
export function coverUrl(name: string, kept: number): string {
  return `${API}/workflows/${part(name)}/cover${query({ kept })}`;
}

export function templateCoverUrl(name: string, kept: number): string {
  return `${API}/templates/${part(name)}/cover${query({ kept })}`;
}

export async function deleteWorkflow(name: string): Promise<void> {
  await request(`/workflows/${part(name)}`, { method: "DELETE" });
}

export async function renameWorkflow(name: string, to: string): Promise<void> {
  await request(`/workflows/${part(name)}/rename`, { method: "POST", json: { to } });
}

export async function getVersions(name: string): Promise<readonly LibraryItem[]> {
  return readPage((await request(`/workflows/${part(name)}/versions`)).json, readLibraryItem).items;
}

export async function getVersion(name: string, version: string): Promise<Document> {
  return toDocument((await request(`/workflows/${part(name)}/versions/${part(version)}`)).json);
}

export interface Converted {
  readonly document: Document;
  readonly problems: readonly Problem[];
}

/** One of our workflows as a file of ComfyUI's page. */
export async function convertForComfy(document: Document): Promise<Json> {
  const answer = (await request("/convert?to=comfyui", { method: "POST", text: toWire(document) })).json;
  return asObject(answer, "A workflow")["workflow"] ?? null;
}

/** Any workflow that the server can read (ours of any version, ComfyUI's two formats) as one of ours. */
export async function convert(json: Json): Promise<Converted> {
  const answer = (await request("/convert", { method: "POST", json })).json;
  const body = isObject(answer) ? answer : {};
  return {
    document: toDocument(body["workflow"] ?? null),
    problems: objects(body["problems"]).map(readProblem),
  };
}

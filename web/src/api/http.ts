/** Requests to the server, and its errors in words. */

import { isObject, isString } from "../documents/fields";
import { compactJson, parseJson } from "../documents/json";
import type { Json } from "../documents/types";
import { inOwnWords } from "../texts/problems";
import { serverTexts as t } from "../texts/refusals";
import { objects, readProblem } from "./read";
import type { Problem } from "./types";

export const API = "/api/v1";

/** An answer other than yes: what happened, what to do, and the problems of the workflow where there are any. */
export class ApiError extends Error {
  /** The HTTP status; 0 where there was no answer. */
  readonly status: number;
  readonly code: string;
  readonly hint: string;
  readonly problems: readonly Problem[];

  constructor(status: number, code: string, message: string, hint = "", problems: readonly Problem[] = []) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.hint = hint;
    this.problems = problems;
  }
}

export interface Answer {
  readonly status: number;
  readonly json: Json;
  /** The version of what was answered, without its quotes; empty where there is none. */
  readonly etag: string;
}

export interface Options {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly json?: Json;
  /** JSON text that is ready to send. */
  readonly text?: string;
  readonly form?: FormData;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** @throws ApiError */
export async function request(path: string, options: Options = {}): Promise<Answer> {
  const response = await send(path, options);
  const body = response.status === 204 ? "" : await response.text();
  const json = read(body, response);
  if (!response.ok) throw errorOf(response, json);
  return { status: response.status, json, etag: bare(response.headers.get("ETag") ?? "") };
}

/**
 * The first bytes of a text file that the server keeps.
 * @throws ApiError
 */
export async function requestText(path: string, bytes: number): Promise<string> {
  const headers = { Accept: "*/*", Range: `bytes=0-${bytes - 1}` };
  const response = await send(path, { headers });
  const body = await response.text();
  if (!response.ok) throw errorOf(response, read(body, response));
  return body;
}

async function send(path: string, options: Options): Promise<Response> {
  const text = options.json === undefined ? options.text : compactJson(options.json);
  const type = text === undefined ? {} : { "Content-Type": "application/json" };
  try {
    return await fetch(`${API}${path}`, {
      method: options.method ?? "GET",
      headers: { Accept: "application/json", ...type, ...options.headers },
      body: options.form ?? text ?? null,
      signal: options.signal ?? null,
    });
  } catch (problem) {
    if (options.signal?.aborted) throw problem;
    throw new ApiError(0, "connection", t.silent, t.silentHint);
  }
}

function read(body: string, response: Response): Json {
  if (body === "") return null;
  try {
    return parseJson(body);
  } catch {
    throw new ApiError(response.status, "answer", t.unreadable(response.status), t.unreadableHint);
  }
}

function errorOf(response: Response, json: Json): ApiError {
  const body = isObject(json) ? json : {};
  const error = isObject(body["error"]) ? body["error"] : {};
  const { code, message, hint } = error;
  return new ApiError(
    response.status,
    isString(code) ? code : `http.${response.status}`,
    isString(message) ? inOwnWords(message) : t.no(response.status),
    isString(hint) ? inOwnWords(hint) : "",
    objects(body["problems"]).map(readProblem),
  );
}

function bare(etag: string): string {
  return etag.replace(/^W\//, "").replace(/^"|"$/g, "");
}

/** A query string of what is given; empty and absent entries are left out. */
export function query(entries: Readonly<Record<string, string | number | null | undefined>>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(entries)) {
    if (value !== undefined && value !== null && value !== "") params.set(key, String(value));
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

/** A name as one part of a path: its own `/` (folders) goes encoded. */
export function part(name: string): string {
  return encodeURIComponent(name);
}

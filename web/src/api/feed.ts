/** The server's events over a WebSocket: resumed after a break where it left off, so that nothing is missed. */

import { isObject, isReal, isString } from "../documents/fields";
import { parseJson } from "../documents/json";
import type { JsonObject } from "../documents/types";
import { API, query } from "./http";
import { readEvent } from "./read";
import type { FeedEvent, PreviewFrame } from "./types";

export interface FeedHandlers {
  readonly event: (event: FeedEvent) => void;
  readonly preview: (frame: PreviewFrame) => void;
  /** What is known may be out of date: at the first connection, and where the server no longer has what was missed. */
  readonly refresh: () => void;
  readonly status: (connected: boolean) => void;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4_000;

/** Connects, and connects again for as long as the page lives; the returned function ends it. */
export function openFeed(client: string, handlers: FeedHandlers): () => void {
  let socket: WebSocket | null = null;
  let last: number | null = null;
  let wait = FIRST_WAIT_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  function connect(): void {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}${API}/events${query({ after: last, client })}`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      if (isString(data)) receive(data);
      else show(data as ArrayBuffer);
    };
    socket.onclose = () => {
      if (closed) return;
      handlers.status(false);
      // Half of the wait is by chance: a restarted server is not met by every page at once.
      timer = setTimeout(connect, wait * (0.5 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    };
  }

  function receive(text: string): void {
    const message = parseJson(text);
    if (!isObject(message)) return;
    if (message["type"] === "hello") greet(message);
    else if (message["type"] === "reset") handlers.refresh();
    else {
      const event = readEvent(message);
      if (event.seq !== null) last = event.seq;
      handlers.event(event);
    }
  }

  function greet(hello: JsonObject): void {
    const latest = isReal(hello["seq"]) ? hello["seq"] : 0;
    wait = FIRST_WAIT_MS;
    handlers.status(true);
    // A server that counts from below what we saw has another history: begin again from its present.
    if (last === null || latest < last) {
      last = latest;
      handlers.refresh();
    }
  }

  function show(data: ArrayBuffer): void {
    const frame = readPreview(data);
    if (frame !== undefined) handlers.preview(frame);
  }

  connect();
  return () => {
    closed = true;
    clearTimeout(timer);
    socket?.close();
  };
}

/** Header length (32 bits, big-endian), header JSON, image. */
export function readPreview(data: ArrayBuffer): PreviewFrame | undefined {
  if (data.byteLength < 4) return undefined;
  const length = new DataView(data).getUint32(0);
  if (data.byteLength < 4 + length) return undefined;
  const header = parseJson(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  if (!isObject(header)) return undefined;
  const { job, node, document, mime } = header;
  if (!isString(job) || !isString(node)) return undefined;
  const image = new Blob([new Uint8Array(data, 4 + length)], { type: isString(mime) ? mime : "image/jpeg" });
  return { job, node, document: isString(document) ? document : null, image };
}

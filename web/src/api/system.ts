/** The server itself: its catalogue, and its limits. */

import { toCatalogue } from "../catalogue/parse";
import type { Catalogue } from "../catalogue/types";
import { asObject, isObject, isReal, isString } from "../documents/fields";
import { language } from "../texts/language";
import { query, request } from "./http";
import { objects } from "./read";

export async function getCatalogue(): Promise<Catalogue> {
  return toCatalogue((await request(`/nodes${query({ lang: language })}`)).json);
}

/** Hands in the server's token; from then on a cookie stands for it. */
export async function openSession(token: string): Promise<void> {
  await request("/session", { method: "POST", json: { token } });
}

export interface System {
  readonly version: string;
  readonly workers: readonly { readonly id: string; readonly device: string; readonly state: string }[];
  /** The largest upload, in bytes; `null` where the server does not say. */
  readonly uploadLimit: number | null;
}

export async function getSystem(): Promise<System> {
  const system = asObject((await request("/system")).json, "The system");
  const limits = isObject(system["limits"]) ? system["limits"] : {};
  const text = (value: unknown) => (isString(value) ? value : "");
  return {
    version: text(system["version"]),
    workers: objects(system["workers"]).map(({ id, device, state }) => ({
      id: text(id),
      device: text(device),
      state: text(state),
    })),
    uploadLimit: isReal(limits["upload"]) ? limits["upload"] : null,
  };
}

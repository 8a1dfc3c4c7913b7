/** Workflows that ship, in the language of the editor: as they are listed, and as they are opened. */

import { getTemplate, getTemplates } from "../api/library";
import type { LibraryItem } from "../api/types";
import type { Document } from "../documents/types";
import { ownWords } from "../texts/shipped";

export async function getShipped(): Promise<readonly LibraryItem[]> {
  return (await getTemplates()).map((item) => ({
    ...item,
    title: ownWords(item.title),
    description: ownWords(item.description),
    tags: item.tags.map(ownWords),
  }));
}

export async function openShipped(name: string): Promise<Document> {
  const document = await getTemplate(name);
  const { description, tags } = document.meta;
  return {
    ...document,
    title: ownWords(document.title),
    meta: {
      ...document.meta,
      ...(typeof description === "string" ? { description: ownWords(description) } : {}),
      ...(Array.isArray(tags)
        ? { tags: tags.map((tag) => (typeof tag === "string" ? ownWords(tag) : tag)) }
        : {}),
    },
    notes: Object.fromEntries(
      Object.entries(document.notes).map(([id, note]) => [id, { ...note, text: ownWords(note.text) }]),
    ),
    form: document.form.map((field) =>
      field.label === undefined ? field : { ...field, label: ownWords(field.label) },
    ),
  };
}
